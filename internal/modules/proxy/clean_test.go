package proxy

import "testing"

// nginx sends what variables hold as it is, and so request lines that are none.
func TestWhatIsSentIsARequest(t *testing.T) {
	w := newWorld(t, `location /method { proxy_pass http://127.0.0.1:9001; proxy_method $arg_m; }
		location ~ ^/re/(.*) { proxy_pass http://127.0.0.1:9001/$1; }`)
	b := w.serve("127.0.0.1:9001", hello)
	wantStatus(t, w.get("/method"), "500")
	if len(b.requests) != 0 {
		t.Errorf("the backend got %q", b.requests)
	}
	wantStatus(t, w.get("/re/x%20y"), "200")
	wantIn(t, b.last(), "GET /x%20y HTTP/1.1\r\n")
}
