package proxy

import (
	"strings"
	"testing"
)

const h2location = "location / { proxy_pass http://10.0.0.1:80; proxy_http_version 2; }"

func TestARequestOverHTTP2(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://10.0.0.1:80; proxy_http_version 2; proxy_set_header X-From "$remote_addr"; }`)
	b := w.h2("10.0.0.1:80")
	response := w.get("/path?q=1", "Accept: text/plain", "TE: trailers", "Upgrade: nothing")
	wantStatus(t, response, "200")
	wantBody(t, response, "/path?q=1")
	q := b.asked[0]
	wantText(t, strings.Join([]string{q.method, q.scheme, q.authority, q.path}, " "), "GET http 10.0.0.1 /path?q=1")
	wantText(t, strings.Join(q.fields, "\n"), "x-from: 127.0.0.1\naccept: text/plain")
}
