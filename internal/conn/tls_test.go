package conn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hearth/internal/loop"
)

// tlsConfigs returns a server's and a client's configuration that fit.
func tlsConfigs(t testing.TB) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true}
}

// tlsPair is a Conn whose handshake is done, and its client.
func tlsPair(t testing.TB, o TLSOptions) (*loop.Sim, *Conn, *Peer, *tls.Conn) {
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	l := sim.Loop()
	c, p := Pair(l)
	server, client := tlsConfigs(t)
	var err error
	done := false
	l.Go(func() { err, done = c.AcceptTLS(server, o), true })
	tc := tls.Client(p.NetConn(sim), client)
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	sim.Run()
	if !done || err != nil {
		t.Fatalf("handshake: %v", err)
	}
	t.Cleanup(c.Close)
	return sim, c, p, tc
}

func TestTLSReadsAreAsThoseOfASocket(t *testing.T) {
	sim, c, _, tc := tlsPair(t, TLSOptions{})
	buf := make([]byte, 10)
	sim.Do(c.Loop(), func() {
		if _, err := c.TryRead(buf); err != ErrAgain || c.Readable().IsSet() {
			t.Errorf("%v before anything came", err)
		}
	})
	tc.Write([]byte("abc"))
	tc.Write([]byte("defghijklmno"))
	sim.Run()
	for _, want := range []string{"abcdefghij", "klmno"} {
		sim.Do(c.Loop(), func() {
			if n, err := c.TryRead(buf); string(buf[:n]) != want || err != nil {
				t.Errorf("%q, %v; want %q", buf[:n], err, want)
			}
		})
	}
	if c.Readable().IsSet() {
		t.Error("readable after a short read")
	}
	tc.Write([]byte("end"))
	tc.CloseWrite()
	sim.Run()
	sim.Do(c.Loop(), func() {
		if n, err := c.TryRead(buf); string(buf[:n]) != "end" || err != nil {
			t.Errorf("%q, %v", buf[:n], err)
		}
		if _, err := c.TryRead(buf); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestATLSRecordThatComesInPartsIsWaitedFor(t *testing.T) {
	sim, c, p, tc := tlsPair(t, TLSOptions{})
	var record bytes.Buffer
	held := p.mem.in
	tc.Write([]byte("whole"))
	record.Write(p.mem.in[len(held):])
	p.mem.in = held
	buf := make([]byte, 10)
	for i, b := range record.Bytes() {
		p.Send([]byte{b})
		sim.Run()
		sim.Do(c.Loop(), func() {
			n, err := c.TryRead(buf)
			if last := i == record.Len()-1; last != (err == nil) || !last && err != ErrAgain || last && string(buf[:n]) != "whole" {
				t.Fatalf("byte %d of %d: %q, %v", i, record.Len(), buf[:n], err)
			}
		})
	}
}

func TestTLSBytesAreWrittenOnlyWhenTheyHaveLeft(t *testing.T) {
	sim, c, p, tc := tlsPair(t, TLSOptions{})
	data := make([]byte, 200<<10)
	rand.Read(data)
	p.SetWindow(1000)
	var got, sent = 0, 0
	sim.Do(c.Loop(), func() {
		n, err := c.TryWrite(data)
		if sent = n; err != nil || n == 0 || n >= 1000 {
			t.Fatalf("%d bytes, %v, in a window of 1000", n, err)
		}
		if n, err := c.TryWrite(data[sent:]); n != 0 || err != ErrAgain {
			t.Fatalf("%d bytes, %v, without room", n, err)
		}
	})
	var err error
	done := false
	c.Loop().Go(func() { err, done = c.Write(data[sent:], time.Minute), true })
	all := make([]byte, 0, len(data))
	buf := make([]byte, 64<<10)
	for got < len(data) {
		n, e := tc.Read(buf)
		all = append(all, buf[:n]...)
		if got += n; e != nil {
			t.Fatal(e)
		}
	}
	sim.Run()
	if !done || err != nil || !bytes.Equal(all, data) {
		t.Errorf("done %v, %v, equal %v", done, err, bytes.Equal(all, data))
	}
	if c.tls.taken != 0 || c.tls.pending() || c.tls.out != nil {
		t.Errorf("an idle connection has %d bytes taken, %d unsent", c.tls.taken, len(c.tls.out))
	}
}

func TestFilesAndVectorsGoOverTLS(t *testing.T) {
	_, c, p, tc := tlsPair(t, TLSOptions{RecordSize: 1000})
	data := make([]byte, 150<<10)
	rand.Read(data)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.SetWindow(5000)
	done := false
	c.Loop().Go(func() {
		if err := c.Writev([][]byte{[]byte("head "), nil, []byte("more ")}, time.Minute); err != nil {
			t.Error(err)
		}
		if n, err := c.SendFile(FileOf(f), 10, int64(len(data)-10), time.Minute); int(n) != len(data)-10 || err != nil {
			t.Error(n, err)
		}
		if _, err := c.SendFile(FileOf(f), int64(len(data)), 1, time.Minute); err != io.ErrUnexpectedEOF {
			t.Error(err)
		}
		c.CloseWrite()
		done = true
	})
	got, err := io.ReadAll(tc)
	if want := "head more " + string(data[10:]); err != nil || string(got) != want || !done {
		t.Errorf("%d bytes, want %d; %v", len(got), len(want), err)
	}
}

func TestAHandshakeHasADeadline(t *testing.T) {
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	c, p := Pair(sim.Loop())
	server, _ := tlsConfigs(t)
	var err error
	c.Loop().Go(func() {
		err = c.AcceptTLS(server, TLSOptions{Early: []byte{0x16, 3}, Deadline: c.Loop().Now().Add(time.Minute)})
		c.Close()
	})
	sim.Run()
	p.Send([]byte{1})
	sim.Advance(59 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	sim.Advance(2 * time.Second)
	if err != loop.ErrTimeout || !p.ConnClosed() {
		t.Error(err)
	}
}

// recordsOf cuts ciphertext into records and returns the lengths of their contents.
func recordsOf(t *testing.T, data []byte) (lengths []int) {
	for len(data) > 0 {
		if len(data) < recordHeader {
			t.Fatalf("%d bytes of a header", len(data))
		}
		n := int(data[3])<<8 | int(data[4])
		lengths = append(lengths, n)
		data = data[recordHeader+n:]
	}
	return lengths
}

func TestSmallPiecesShareARecord(t *testing.T) {
	const overhead = 17 // of TLS 1.3: the kind of record, and what authenticates it
	for _, tt := range []struct {
		pieces []int
		want   []int
	}{
		{[]int{10, 20}, []int{30}},
		{[]int{10, 2000, 5}, []int{1000, 1000, 15}},
		{[]int{1000, 10}, []int{1000, 10}},
		{[]int{10, 990}, []int{1000}},
		{[]int{10, 0}, []int{10}},
		{[]int{0, 1500, 0}, []int{1000, 500}},
	} {
		sim, c, p, tc := tlsPair(t, TLSOptions{RecordSize: 1000})
		tickets := len(p.Pending())
		var bufs [][]byte
		var all []byte
		for i, n := range tt.pieces {
			bufs = append(bufs, bytes.Repeat([]byte{byte('a' + i)}, n))
			all = append(all, bufs[i]...)
		}
		c.Loop().Go(func() {
			if n, err := c.TryWritev(bufs); n != len(all) || err != nil {
				t.Errorf("%v: %d, %v", tt.pieces, n, err)
			}
		})
		sim.Run()
		var got []int
		for _, n := range recordsOf(t, p.Pending()[tickets:]) {
			got = append(got, n-overhead)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("pieces of %v: records of %v, want %v", tt.pieces, got, tt.want)
		}
		back := make([]byte, len(all))
		if _, err := io.ReadFull(tc, back); err != nil || !bytes.Equal(back, all) {
			t.Errorf("%v: %v, equal %v", tt.pieces, err, bytes.Equal(back, all))
		}
	}
}

func TestRecordsThatComeTogetherAreAllReadAtOnce(t *testing.T) {
	sim, c, p, tc := tlsPair(t, TLSOptions{})
	buf := make([]byte, 100)
	read := func(want string, wantErr error) {
		t.Helper()
		sim.Run()
		sim.Do(c.Loop(), func() {
			if n, err := c.TryRead(buf); string(buf[:n]) != want || err != wantErr {
				t.Errorf("%q, %v; want %q, %v", buf[:n], err, want, wantErr)
			}
			if c.Readable().IsSet() {
				t.Error("still readable")
			}
		})
	}
	read("", ErrAgain)
	tc.Write([]byte("one"))
	read("one", nil)
	tc.Write([]byte("two "))
	tc.Write([]byte("three"))
	read("two three", nil)
	// One and a half, the rest, and another with the first byte of the one after it.
	sealed := func(s string) []byte {
		tc.Write([]byte(s))
		return p.TakeBack()
	}
	a, b, d := sealed("four "), sealed("five "), sealed("six")
	p.Send(append(a, b[:7]...))
	read("four ", nil)
	p.Send(append(b[7:], d[0]))
	read("five ", nil)
	p.Send(d[1:])
	read("six", nil)
}
