package text

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEscapes(t *testing.T) {
	const all = "aZ0-._~ /?#[]@!$&'()*+,;=:%\"<>\\^`{|}\x01\x7f\xc3"
	for _, c := range []struct {
		name   string
		append func(dst, b []byte) []byte
		want   string
	}{
		{"URI", AppendEscapeURI, "aZ0-._~%20/%3F%23[]@!$&'()*+,;=:%25%22%3C%3E%5C%5E%60%7B%7C%7D%01%7F%C3"},
		{"args", AppendEscapeArgs, "aZ0-._~%20/%3F%23[]@!$%26'()*%2B,%3B=:%25%22%3C%3E%5C%5E%60%7B%7C%7D%01%7F%C3"},
		{"component", AppendEscapeComponent,
			"aZ0-._~%20%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%25%22%3C%3E%5C%5E%60%7B%7C%7D%01%7F%C3"},
		{"refresh", AppendEscapeRefresh, "aZ0-._~%20/?#[]@!$&%27()*+,;=:%%22%3C%3E%5C%5E%60%7B%7C%7D%01%7F%C3"},
		{"HTML", AppendEscapeHTML, "aZ0-._~ /?#[]@!$&amp;'()*+,;=:%&quot;&lt;&gt;\\^`{|}\x01\x7f\xc3"},
	} {
		if got := string(c.append([]byte("kept"), []byte(all))); got != "kept"+c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	if NeedsEscapeURI([]byte("/a/b.c~d")) || !NeedsEscapeURI([]byte("/a b")) {
		t.Error("NeedsEscapeURI is wrong")
	}
}

func TestUnescapes(t *testing.T) {
	for _, c := range []struct {
		in, plain, uri, redirect string
	}{
		{"a%41%2f", "aA/", "aA/", "aA/"},
		{"%20%25%7f", " %\x7f", " %\x7f", "%20%25%7f"},
		{"a%3fb%41", "a?bA", "a?b%41", "a?b%41"},
		{"a?b%41", "a?bA", "a?b%41", "a?b%41"},
		{"%zz", "zz", "zz", "zz"},
		{"%4z5", "5", "5", "5"},
		{"a%", "a", "a", "a"},
		{"a%4", "a", "a", "a"},
	} {
		if got := string(AppendUnescape(nil, []byte(c.in))); got != c.plain {
			t.Errorf("%q: %q", c.in, got)
		}
		if got := string(AppendUnescapeURI(nil, []byte(c.in))); got != c.uri {
			t.Errorf("%q as URI: %q", c.in, got)
		}
		if got := string(AppendUnescapeRedirect(nil, []byte(c.in))); got != c.redirect {
			t.Errorf("%q as redirect: %q", c.in, got)
		}
	}
}

func FuzzEscapesAreUndone(f *testing.F) {
	f.Add([]byte("a b?c%d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, escaped := range [][]byte{AppendEscapeURI(nil, b), AppendEscapeArgs(nil, b), AppendEscapeComponent(nil, b)} {
			if got := AppendUnescape(nil, escaped); !bytes.Equal(got, b) {
				t.Errorf("%q escaped %q unescaped %q", b, escaped, got)
			}
		}
		AppendUnescapeURI(nil, b)
		AppendUnescapeRedirect(nil, b)
	})
}

// escapeConfig makes Debian's nginx show its escaping: /u/ of a whole path
// sent to a backend, /a/ of a capture in arguments, the rest of redirects.
const escapeConfig = `
daemon off;
master_process off;
pid %[1]s/pid;
events { }
http {
    access_log off;
    client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/w; scgi_temp_path %[1]s/s;
    server {
        listen unix:%[1]s/http;
        location /u/ { proxy_pass http://unix:%[1]s/backend:/; }
        location /a/ { rewrite ^/a/(.*)$ /args?$1 last; }
        location = /args { return 200 $args; }
%[2]s
    }
    server {
        listen unix:%[1]s/backend;
        return 200 $request_uri;
    }
}
`

func TestEscapesAsDebiansNginx(t *testing.T) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	dir, err := os.MkdirTemp("", "escape") // short: a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	redirects := []string{"/a%41%2f%7e%20%25%7f%c3", "/a%3fb%41", "/a?b%41", "/%zz", "/%4z5", "/a%4", "/a%", "/%2fx%3"}
	var locations strings.Builder
	for i, to := range redirects {
		fmt.Fprintf(&locations, "location = /r%d { rewrite ^ \"http://h%s\" redirect; }\n", i, to)
	}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, escapeConfig, dir, locations.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", conf, "-e", filepath.Join(dir, "log"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	get := func(target string) (head, body string) {
		t.Helper()
		for range 1000 {
			c, err := net.Dial("unix", filepath.Join(dir, "http"))
			if err != nil {
				time.Sleep(5 * time.Millisecond) // it has just been started
				continue
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(5 * time.Second))
			fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: h\r\n\r\n", target)
			answer, _ := io.ReadAll(c)
			head, body, _ = strings.Cut(string(answer), "\r\n\r\n")
			return head, body
		}
		t.Fatal("nginx does not listen")
		return "", ""
	}

	for c := 1; c < 256; c++ {
		raw := []byte{'x', byte(c), 'y'}
		if c == '/' || c == '\n' {
			continue // merged, and not matched by "."
		}
		if _, got := get(fmt.Sprintf("/u/x%%%02xy", c)); got != "/"+string(AppendEscapeURI(nil, raw)) {
			t.Errorf("URI: nginx makes %q of %q, not %q", got, raw, AppendEscapeURI(nil, raw))
		}
		if _, got := get(fmt.Sprintf("/a/x%%%02xy", c)); got != string(AppendEscapeArgs(nil, raw)) {
			t.Errorf("args: nginx makes %q of %q, not %q", got, raw, AppendEscapeArgs(nil, raw))
		}
	}
	for i, to := range redirects {
		head, _ := get(fmt.Sprintf("/r%d", i))
		_, got, _ := strings.Cut(head, "Location: ")
		got, _, _ = strings.Cut(got, "\r\n")
		if want := "http://h" + string(AppendUnescapeRedirect(nil, []byte(to))); got != want {
			t.Errorf("nginx redirects %q to %q, not %q", to, got, want)
		}
	}
}
