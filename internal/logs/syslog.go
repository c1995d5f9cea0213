package logs

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Syslog is a parsed "syslog:..." parameter.
type Syslog struct {
	Server     string // as written
	Facility   int
	Severity   int // of access log lines; error log lines have their level's
	Tag        string
	NoHostname bool

	addr unix.Sockaddr
	fam  int
}

var facilities = strings.Fields("kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron " +
	"local0 local1 local2 local3 local4 local5 local6 local7")

var severities = strings.Fields("emerg alert crit error warn notice info debug")

// maxTag is the longest tag RFC 3164 section 5.3 allows.
const maxTag = 32

// parseSyslog parses "server=...,facility=,tag=,severity=,nohostname". The server's
// name is resolved here, as nginx does it when it reads the configuration.
func parseSyslog(params string) (Syslog, error) {
	s := Syslog{Facility: -1, Severity: -1}
	seen := map[string]bool{}
	for p := range strings.SplitSeq(params, ",") {
		key, val, _ := strings.Cut(p, "=")
		if p != "nohostname" && !strings.Contains(p, "=") {
			key = ""
		}
		if seen[key] && key != "nohostname" {
			return s, fmt.Errorf(`duplicate syslog "%s"`, key)
		}
		seen[key] = true
		var err error
		switch key {
		case "server":
			s.Server = val
			s.addr, s.fam, err = syslogAddr(val)
		case "facility":
			s.Facility, err = index(facilities, "facility", val)
		case "severity":
			s.Severity, err = index(severities, "severity", val)
		case "tag":
			s.Tag, err = val, checkTag(val)
		case "nohostname":
			s.NoHostname = true
		default:
			err = fmt.Errorf(`unknown syslog parameter "%s"`, p)
		}
		if err != nil {
			return s, err
		}
	}
	if s.Server == "" {
		return s, fmt.Errorf("no syslog server specified")
	}
	if s.Facility < 0 {
		s.Facility = 23 // local7
	}
	if s.Severity < 0 {
		s.Severity = 6 // info
	}
	if s.Tag == "" {
		s.Tag = "nginx" // the documented default: what syslog rules filter on
	}
	return s, nil
}

func index(names []string, what, s string) (int, error) {
	for i, n := range names {
		if n == s {
			return i, nil
		}
	}
	return 0, fmt.Errorf(`unknown syslog %s "%s"`, what, s)
}

func checkTag(tag string) error {
	if len(tag) > maxTag {
		return fmt.Errorf("syslog tag length exceeds %d", maxTag)
	}
	for _, c := range []byte(tag) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return fmt.Errorf(`syslog "tag" only allows alphanumeric characters and underscore`)
		}
	}
	return nil
}

// syslogAddr resolves HOST, HOST:PORT, [IPv6]:PORT or unix:PATH.
func syslogAddr(server string) (unix.Sockaddr, int, error) {
	if path, ok := strings.CutPrefix(server, "unix:"); ok {
		if path == "" {
			return nil, 0, fmt.Errorf(`no path in the unix domain socket in syslog server "%s"`, server)
		}
		return &unix.SockaddrUnix{Name: path}, unix.AF_UNIX, nil
	}
	host, port := server, 514
	if i := strings.LastIndexByte(server, ':'); i >= 0 && !strings.HasSuffix(server, "]") {
		n, err := strconv.Atoi(server[i+1:])
		if err != nil || n < 1 || n > 65535 {
			return nil, 0, fmt.Errorf(`invalid port in syslog server "%s"`, server)
		}
		host, port = server[:i], n
	}
	if host == "" {
		return nil, 0, fmt.Errorf(`no host in syslog server "%s"`, server)
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip, err := netip.ParseAddr(bare)
	if err != nil {
		found, err := net.LookupHost(host)
		if err != nil || len(found) == 0 {
			return nil, 0, fmt.Errorf(`host not found in syslog server "%s"`, server)
		}
		if ip, err = netip.ParseAddr(found[0]); err != nil {
			return nil, 0, fmt.Errorf(`host not found in syslog server "%s"`, server)
		}
	}
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: ip.As4()}, unix.AF_INET, nil
	}
	return &unix.SockaddrInet6{Port: port, Addr: ip.As16()}, unix.AF_INET6, nil
}

// syslogSink sends one datagram a line. A full socket drops the line; a broken
// one is opened anew for the next line. Safe for all loops.
type syslogSink struct {
	Syslog
	hostname string
	dropped  atomic.Int64

	mu  sync.Mutex // guards what follows; sends under it never wait
	fd  int        // -1 while not open
	buf []byte
}

func newSyslog(s Syslog) *syslogSink {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	return &syslogSink{Syslog: s, hostname: name, fd: -1}
}

// appendHead appends RFC 3164's `<PRI>Nov  2 18:50:17 HOST TAG: `.
func (s *syslogSink) appendHead(dst []byte, severity int, now time.Time) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(s.Facility*8+severity), 10)
	dst = append(dst, '>')
	dst = now.AppendFormat(dst, time.Stamp)
	dst = append(dst, ' ')
	if !s.NoHostname {
		dst = append(dst, s.hostname...)
		dst = append(dst, ' ')
	}
	dst = append(dst, s.Tag...)
	return append(dst, ": "...)
}

func (s *syslogSink) send(line []byte, severity int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.appendHead(s.buf[:0], severity, now), line...)
	if s.fd < 0 && s.connect() != nil {
		s.dropped.Add(1)
		return
	}
	switch _, err := unix.Write(s.fd, s.buf); err {
	case nil:
	case unix.EAGAIN, unix.EINTR:
		s.dropped.Add(1)
	default:
		s.dropped.Add(1)
		unix.Close(s.fd)
		s.fd = -1
	}
}

// connect opens the socket. Connecting a datagram socket does not wait.
func (s *syslogSink) connect() error {
	fd, err := unix.Socket(s.fam, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, s.addr); err != nil {
		unix.Close(fd)
		return err
	}
	s.fd = fd
	return nil
}

func (s *syslogSink) writeLine(line []byte, level Level, now time.Time) {
	s.send(line[:len(line)-1], int(max(level, Emerg))-1, now)
}

func (s *syslogSink) lost() int64 { return s.dropped.Load() }

func (s *syslogSink) close() {
	s.mu.Lock()
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
	s.fd = -1
	s.mu.Unlock()
}
