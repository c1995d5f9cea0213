package upstream_test

import (
	"strings"
	"testing"
)

func TestTheLastPeerHasVariables(t *testing.T) {
	w := newWorld(t, `upstream u { server 10.0.0.1; server localhost:81 backup; } server { listen 80;
		add_header X "$upstream_addr; $upstream_last_addr; $upstream_last_server_name" always;
		location / { proxy_pass http://u; } }`)
	w.serve("127.0.0.1:81", "[::1]:81")
	head, _ := w.ask("/")
	_, value, _ := strings.Cut(head, "X: ")
	value, _, _ = strings.Cut(value, "\r\n")
	all, last, _ := strings.Cut(value, "; ")
	if !strings.HasPrefix(all, "10.0.0.1:80, ") || !strings.HasSuffix(all, last[:strings.IndexByte(last, ';')]) || !strings.HasSuffix(last, "; localhost:81") {
		t.Errorf("%q", value)
	}
}
