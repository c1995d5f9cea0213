package grpc

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	xds "github.com/cncf/xds/go/xds/data/orca/v3"
	xdsservice "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"
)

// serve starts the interop server, over TLS with a certificate, and returns its address.
func serve(t *testing.T, certificate *tls.Certificate) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options := []grpc.ServerOption{orca.CallMetricsServerOption(nil), grpc.ChainUnaryInterceptor(nameServer)}
	if certificate != nil {
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(certificate)))
	}
	s := grpc.NewServer(options...)
	recorder := orca.NewServerMetricsRecorder()
	testpb.RegisterTestServiceServer(s, interop.NewTestServer(interop.NewTestServerOptions{MetricsRecorder: recorder}))
	xdsservice.RegisterOpenRcaServiceServer(s, &reporter{from: recorder.(orca.ServerMetricsProvider)})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Stop()
		<-ended
	})
	return l.Addr().String()
}

// nameServer fills in the field that pick_first_unary looks at, which grpc-go's interop server leaves empty.
func nameServer(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	reply, err := handler(ctx, req)
	if r, ok := reply.(*testpb.SimpleResponse); ok && req.(*testpb.SimpleRequest).GetFillServerId() {
		r.ServerId = "the only one"
	}
	return reply, err
}

// reporter is the service of orca_oob. grpc-go's own takes no interval under 30 seconds but from its own server.
type reporter struct {
	xdsservice.UnimplementedOpenRcaServiceServer
	from orca.ServerMetricsProvider
}

func (r *reporter) StreamCoreMetrics(req *xdsservice.OrcaLoadReportRequest, stream xdsservice.OpenRcaService_StreamCoreMetricsServer) error {
	tick := time.NewTicker(req.GetReportInterval().AsDuration())
	defer tick.Stop()
	for {
		m := r.from.ServerMetrics()
		report := &xds.OrcaLoadReport{CpuUtilization: max(m.CPUUtilization, 0), MemUtilization: max(m.MemUtilization, 0), Utilization: m.Utilization}
		if err := stream.Send(report); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-stream.Context().Done():
			return nil
		}
	}
}
