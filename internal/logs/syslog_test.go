package logs

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// listen returns a datagram socket and a function that reads one datagram.
func listen(t *testing.T, network, addr string) (net.PacketConn, func() string) {
	t.Helper()
	c, err := net.ListenPacket(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, func() string {
		t.Helper()
		buf := make([]byte, 4096)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func syslogTo(t *testing.T, params string) Target {
	t.Helper()
	target, err := ParseAccessTarget("syslog:" + params)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestErrorLinesToSyslog(t *testing.T) {
	c, next := listen(t, "udp", "127.0.0.1:0")
	target := syslogTo(t, "server="+c.LocalAddr().String()+",tag=tg")
	l := openErrorLog(t, NewRegistry(1), Sink{Target: target, Level: Info})
	l.Log(Origin{Now: noon, Conn: 1}, Error, "oops")
	host, _ := os.Hostname()
	want := fmt.Sprintf("<187>Nov  2 12:00:07 %s tg: 2026/11/02 12:00:07 [error] %d#0: *1 oops", host, os.Getpid())
	if got := next(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAccessLinesToSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.sock")
	_, next := listen(t, "unixgram", path)
	a, err := NewRegistry(1).Access(AccessOptions{Target: syslogTo(t, "server=unix:"+path+",facility=user,severity=warn,nohostname")})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.Writer(0).Line([]byte("hello"), noon) {
		t.Error("syslog asks for the end of the turn")
	}
	if got, want := next(), "<12>Nov  2 12:00:07 nginx: hello"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAFullSyslogSocketDropsLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.sock")
	_, next := listen(t, "unixgram", path)
	s := newSyslog(syslogTo(t, "server=unix:"+path).Syslog)
	defer s.close()
	const sent = 5000
	for range sent {
		s.send([]byte("hello"), 6, noon)
	}
	dropped := s.lost()
	if dropped == 0 {
		t.Fatal("nothing was dropped")
	}
	for range sent - dropped {
		next()
	}
	s.send([]byte("again"), 6, noon)
	if got := next(); got[len(got)-5:] != "again" {
		t.Errorf("got %q", got)
	}
}

func TestASyslogServerThatComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.sock")
	s := newSyslog(syslogTo(t, "server=unix:"+path).Syslog)
	defer s.close()
	s.send([]byte("lost"), 6, noon)
	c, next := listen(t, "unixgram", path)
	s.send([]byte("one"), 6, noon)
	next()
	c.Close()
	s.send([]byte("lost"), 6, noon)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, next = listen(t, "unixgram", path)
	s.send([]byte("two"), 6, noon)
	if got := next(); got[len(got)-3:] != "two" || s.lost() != 2 {
		t.Errorf("got %q, dropped %d", got, s.dropped.Load())
	}
}
