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
