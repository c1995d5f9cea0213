package conn

import "testing"

func TestAddr(t *testing.T) {
	for _, tt := range []struct {
		text, network, host, port string
	}{
		{"127.0.0.1:80", "tcp", "127.0.0.1", "80"},
		{"[::1]:8080", "tcp", "::1", "8080"},
		{"unix:/run/x.sock", "unix", "unix:", ""},
		{"unix:@abstract", "unix", "unix:", ""},
	} {
		a, err := ParseAddr(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if a.String() != tt.text || string(a.Append(nil)) != tt.text {
			t.Errorf("%s reads back as %s", tt.text, a)
		}
		if a.Network() != tt.network || a.Host() != tt.host || a.Port() != tt.port {
			t.Errorf("%s: network %q host %q port %q", tt.text, a.Network(), a.Host(), a.Port())
		}
		var s sockaddr
		if err := s.encode(a); err != nil || s.decode() != a {
			t.Errorf("%s: through the kernel's form it becomes %v (%v)", tt.text, s.decode(), err)
		}
		if a != MustAddr(tt.text) {
			t.Errorf("%s does not equal itself", tt.text)
		}
	}
}

func TestWhatIsNotAnAddress(t *testing.T) {
	for _, s := range []string{"", "unix:", "1.2.3.4", "host:80", "[::1]", "1.2.3.4:99999"} {
		if a, err := ParseAddr(s); err == nil {
			t.Errorf("%q parsed as %v", s, a)
		}
	}
}

func TestAnIPv4AddressMappedIntoIPv6IsPlain(t *testing.T) {
	if a := MustAddr("[::ffff:1.2.3.4]:80"); a.String() != "1.2.3.4:80" {
		t.Errorf("got %v", a)
	}
}
