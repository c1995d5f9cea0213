package http1

import "testing"

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		in, name, port string
		upper          bool
	}{
		{"example.com", "example.com", "", false},
		{"Example.com.:80", "Example.com", "80", true},
		{"example.com:", "example.com", "", false},
		{"a_b~c!$&'()*+,;=%2f", "a_b~c!$&'()*+,;=%2f", "", false},
		{"127.0.0.1:65535", "127.0.0.1", "65535", false},
		{"[::1]", "[::1]", "", false},
		{"[2001:DB8::1]:80", "[2001:DB8::1]", "80", true},
		{"[v1.a~b:c]:1", "[v1.a~b:c]", "1", false},
	} {
		h, ok := ParseHost([]byte(c.in))
		if !ok || string(h.Name) != c.name || string(h.Port) != c.port || h.Upper != c.upper {
			t.Errorf("%q: %q %q %v %v", c.in, h.Name, h.Port, h.Upper, ok)
		}
	}
}

func TestWhatIsNoHost(t *testing.T) {
	for _, in := range []string{
		"", ".", ":80", "a..b", "..", "a b", "a/b", "a\\b", "a@b", "a?b", "a#b", "a\"b", "a<b", "a|b", "a\x00b", "a\x7fb", "\xc3\xa4",
		"a%", "a%4", "a%zz", "a:b", "a:80:80", "a:-1", "a:+1", "a:65536", "a: 80", "a:99999999999999999999",
		"[", "[]", "[:]x", "[::1", "[::1]80", "[::1]:x", "[g::1]", "[::1%lo]", "::1", "[[::1]]",
	} {
		if h, ok := ParseHost([]byte(in)); ok {
			t.Errorf("%q was read as %q %q", in, h.Name, h.Port)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"a.b:80", "[::1]:80", "a%2f.", "."} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := ParseHost(b)
		if !ok {
			return
		}
		if again, ok := ParseHost(h.Name); !ok || string(again.Name) != string(h.Name) && string(again.Name)+"." != string(h.Name) {
			t.Errorf("%q: the name %q reads as %q, %v", b, h.Name, again.Name, ok)
		}
		if !ValidTarget(b) {
			t.Errorf("%q is valid", b)
		}
	})
}
