package grpc

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// watched is an interop server of which a test sees the end of calls, and how much it could send.
type watched struct {
	testpb.TestServiceServer
	began, ended chan struct{}
	sent         atomic.Int64
}

func (s *watched) FullDuplexCall(stream testpb.TestService_FullDuplexCallServer) error {
	s.began <- struct{}{}
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			s.ended <- struct{}{}
			return err
		}
	}
}

const messageSize = 64 << 10

// StreamingOutputCall sends for as long as it can.
func (s *watched) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	message := &testpb.StreamingOutputCallResponse{Payload: interop.ClientNewPayload(testpb.PayloadType_COMPRESSABLE, messageSize)}
	for {
		if err := stream.Send(message); err != nil {
			s.ended <- struct{}{}
			return err
		}
		s.sent.Add(messageSize)
	}
}

// serveWatched starts one, and returns its address.
func serveWatched(t *testing.T) (*watched, string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &watched{interop.NewTestServer(), make(chan struct{}, 10), make(chan struct{}, 10), atomic.Int64{}}
	g := grpc.NewServer()
	testpb.RegisterTestServiceServer(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return s, l.Addr().String()
}

// want waits for what happens to a call at the server.
func want(t *testing.T, what string, happened chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
	}
}

func TestTheEndOfACallReachesTheServer(t *testing.T) {
	t.Parallel()
	server, addr := serveWatched(t)
	d := &dialer{t: t, addr: startSite(t, "location / { grpc_pass "+addr+"; }")}
	c := d.dial("")
	defer c.Close()
	client := testpb.NewTestServiceClient(c)

	t.Run("when it is canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.FullDuplexCall(ctx)
		if err == nil {
			err = stream.Send(&testpb.StreamingOutputCallRequest{})
		}
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the call", server.began)
		cancel()
		want(t, "its end", server.ended)
	})
	t.Run("when its deadline has passed", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stream, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stream.Send(&testpb.StreamingOutputCallRequest{})
		if _, err := stream.Recv(); status.Code(err) != codes.DeadlineExceeded {
			t.Error(err)
		}
		want(t, "the call", server.began)
		want(t, "its end", server.ended)
	})
}

// The client takes one message and then none. What the server can send meanwhile is what is on the way in windows and
// sockets; it does not grow with the time that the client takes.
func TestASlowClientSlowsTheServer(t *testing.T) {
	t.Parallel()
	server, addr := serveWatched(t)
	d := &dialer{t: t, addr: startSite(t, "location / { grpc_pass "+addr+"; }")}
	c := d.dial("")
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := testpb.NewTestServiceClient(c).StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	for last := int64(-1); last != server.sent.Load(); time.Sleep(300 * time.Millisecond) { // until it stands still
		last = server.sent.Load()
	}
	if n := server.sent.Load(); n > 8<<20 {
		t.Errorf("the server could send %d bytes to a client that takes none", n)
	}
	for range 200 { // it goes on when the client does
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	want(t, "its end", server.ended)
}

func TestWhatAClientMakesOfHearthsOwnErrors(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	d := &dialer{t: t, addr: startSite(t, `
		location /grpc.testing.TestService/EmptyCall { grpc_pass 127.0.0.1:1; }
		location /grpc.testing.TestService/CacheableUnaryCall { grpc_pass `+hole.Addr().String()+`; grpc_read_timeout 200ms; }
		location /grpc.testing.TestService/UnaryCall { grpc_pass 127.0.0.1:1; error_page 502 = @unavailable; }
		location /grpc.testing.TestService/UnimplementedCall { return 403; }
		location @unavailable {
			default_type application/grpc;
			add_header grpc-status 8 always; add_header grpc-message "come back later" always;
			return 200;
		}`)}
	c := d.dial("")
	defer c.Close()
	client := testpb.NewTestServiceClient(c)
	_, empty := client.EmptyCall(t.Context(), &testpb.Empty{})
	_, late := client.CacheableUnaryCall(t.Context(), &testpb.SimpleRequest{})
	_, unary := client.UnaryCall(t.Context(), &testpb.SimpleRequest{})
	_, forbidden := client.UnimplementedCall(t.Context(), &testpb.Empty{})
	for _, test := range []struct {
		name    string
		err     error
		code    codes.Code
		message string
	}{
		{"a dead server", empty, codes.Unavailable, "502"},
		{"a silent server", late, codes.Unavailable, "504"},
		{"error_page", unary, codes.ResourceExhausted, "come back later"},
		{"403", forbidden, codes.PermissionDenied, "403"},
	} {
		if got := status.Convert(test.err); got.Code() != test.code || !strings.Contains(got.Message(), test.message) {
			t.Errorf("%s: %v", test.name, test.err)
		}
	}
}

// Many calls at once share few connections.
func TestCallsShareConnections(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &countingListener{Listener: l}
	g := grpc.NewServer()
	testpb.RegisterTestServiceServer(g, interop.NewTestServer())
	go g.Serve(counted)
	t.Cleanup(g.Stop)
	d := &dialer{t: t, addr: startSite(t, "location / { grpc_pass "+l.Addr().String()+"; }")}
	c := d.dial("")
	defer c.Close()
	client := testpb.NewTestServiceClient(c)
	errs := make(chan error)
	const calls = 64
	for range calls {
		go func() {
			for range 20 {
				if _, err := client.UnaryCall(t.Context(), &testpb.SimpleRequest{ResponseSize: 1000}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := counted.accepted.Load(); n > 2 && filepath.Base(os.Getenv("HEARTH_BINARY")) != "nginx" {
		t.Errorf("%d connections for %d calls at once on one connection of the client's", n, calls)
	}
}

type countingListener struct {
	net.Listener
	accepted atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return c, err
}

// startSite runs the proxy with a server of these locations and no TLS.
func startSite(t *testing.T, locations string) string {
	return launch(t, false, func(dir, listen string) string {
		return fmt.Sprintf("server { %s\n%s }", listen, locations)
	})
}
