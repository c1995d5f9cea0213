package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
)

func (c *cell) fields() {
	var got *http.Request
	url := c.handle("/place/", func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header()["X-Twice"] = []string{"one", "two"}
		w.Header()["Set-Cookie"] = []string{"a=1; Path=/", "b=2"}
		w.Header().Set("X-Empty", "")
		w.Header().Set("X-Text", "a, \"b\"; c=\xe4")
	})
	r, _ := c.request("GET", url+"?q=%20%2f&x", nil)
	r.Host = "asked.example"
	r.Header["X-Twice"] = []string{"one", "two"}
	r.Header["Cookie"] = []string{"a=1; b=2; c=3"}
	r.Header.Set("X-Empty", "")
	r.Header.Set("X-Text", "a, \"b\"; c=\xe4")
	r.Header.Set("User-Agent", "cell")
	r.Header.Set("TE", "trailers")
	a := c.do(r)
	io.Copy(io.Discard, a.Body)
	for name, want := range map[string][]string{
		"X-Twice": {"one", "two"}, "X-Empty": {""}, "X-Text": {"a, \"b\"; c=\xe4"},
		"User-Agent": {"cell"}, "Connection": nil, "Keep-Alive": nil, "Transfer-Encoding": nil,
	} {
		if got := got.Header[name]; !slices.Equal(got, want) {
			c.Errorf("the backend got %s: %q, want %q", name, got, want)
		}
	}
	if cookies := strings.Join(got.Header["Cookie"], "; "); cookies != "a=1; b=2; c=3" {
		c.Errorf("the backend got cookies %q", cookies)
	}
	if got.Method != "GET" || got.RequestURI != strings.TrimPrefix(url, c.url(""))+"?q=%20%2f&x" || got.ContentLength != 0 {
		c.Errorf("the backend got %s %s, length %d", got.Method, got.RequestURI, got.ContentLength)
	}
	if got.Host != "backend" { // nginx's default for all of proxy_pass and grpc_pass: $proxy_host
		c.Errorf("the backend is asked as %q", got.Host)
	}
	for name, want := range map[string][]string{
		"X-Twice": {"one", "two"}, "Set-Cookie": {"a=1; Path=/", "b=2"}, "X-Empty": {""}, "X-Text": {"a, \"b\"; c=\xe4"},
		"Transfer-Encoding": nil,
	} {
		if got := a.Header[name]; !slices.Equal(got, want) {
			c.Errorf("the client got %s: %q, want %q", name, got, want)
		}
	}
	if len(a.Header["Date"]) != 1 || !strings.HasPrefix(a.Header.Get("Server"), "hearth") {
		c.Errorf("the client got Date %q, Server %q", a.Header["Date"], a.Header["Server"])
	}
}

// largeHeads need several frames in HTTP/2, and several reads in HTTP/1.
func (c *cell) largeHeads() {
	var fields, lines [][2]string
	for i := range 4 { // four buffers of 8k is nginx's default
		fields = append(fields, [2]string{fmt.Sprintf("X-Large-%d", i), strings.Repeat(string(rune('a'+i)), 5500)})
	}
	for i := range 3 { // and one of 4k for the response's
		lines = append(lines, [2]string{fmt.Sprintf("X-Line-%d", i), strings.Repeat(string(rune('a'+i)), 1100)})
	}
	url := c.handle("/", func(w http.ResponseWriter, r *http.Request) {
		for _, f := range fields {
			if got := r.Header.Get(f[0]); got != f[1] {
				c.Errorf("the backend got %s: %d bytes", f[0], len(got))
			}
		}
		for _, f := range lines {
			w.Header().Set(f[0], f[1])
		}
	})
	for range 3 { // the same again, which HPACK may have learnt
		r, _ := c.request("GET", url, nil)
		for _, f := range fields {
			r.Header.Set(f[0], f[1])
		}
		a := c.do(r)
		if io.Copy(io.Discard, a.Body); a.StatusCode != 200 {
			c.Errorf("%s", a.Status)
		}
		for _, f := range lines {
			if got := a.Header.Get(f[0]); got != f[1] {
				c.Errorf("the client got %s: %d bytes", f[0], len(got))
			}
		}
	}
}

func (c *cell) statuses() {
	for _, status := range []int{200, 201, 204, 206, 301, 304, 404, 410, 500, 503, 599} {
		body := fmt.Sprintf("body of %d", status)
		if status == 204 || status == 304 {
			body = ""
		}
		a, got := c.get(c.handle("/", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"x"`)
			w.Header().Set("Location", "http://elsewhere.example/")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		if a.StatusCode != status || got != body || a.Header.Get("Etag") != `"x"` {
			c.Errorf("%d: %s, %q", status, a.Status, got)
		}
	}
}

func (c *cell) head() {
	url := c.handle("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "HEAD" {
			c.Errorf("the backend got a %s", r.Method)
		}
		w.Header().Set("Content-Length", "12345")
		w.Header().Set("X-Here", "yes")
	})
	for range 3 {
		r, _ := c.request("HEAD", url, nil)
		a := c.do(r)
		body, err := io.ReadAll(a.Body)
		length := a.ContentLength == 12345 || a.ContentLength == 0 && c.behind.grpc // which nginx tells no length of
		if a.StatusCode != 200 || !length || a.Header.Get("X-Here") != "yes" || len(body) != 0 || err != nil {
			c.Errorf("%s, length %d, %d bytes, %v", a.Status, a.ContentLength, len(body), err)
		}
	}
	c.wantAlive()
}

func (c *cell) trailersDown() {
	for _, size := range []int{0, 1, 1 << 20} {
		for _, place := range []string{"/", "/direct/"} {
			r, _ := c.request("GET", c.handle(place, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-Sum, Grpc-Status")
				w.WriteHeader(200)
				if size > 0 || !c.front.two { // or Go tells a length of 0, which leaves no room for trailers in HTTP/1
					w.(http.Flusher).Flush()
				}
				w.Write(data()[:size])
				w.Header().Set("X-Sum", "a sum")
				w.Header().Set("Grpc-Status", "0")
				w.Header().Set(http.TrailerPrefix+"X-Late", "not announced")
			}), nil)
			r.Header.Set("TE", "trailers") // without which HTTP/1 gets none
			a := c.do(r)
			if err := differs(a.Body, data()[:size]); err != nil {
				c.Errorf("%s, %d bytes: %v", place, size, err)
			}
			got := http.Header{}
			for name, value := range a.Trailer {
				if len(value) > 0 {
					got[name] = value
				}
			}
			if want := (http.Header{"X-Sum": {"a sum"}, "Grpc-Status": {"0"}, "X-Late": {"not announced"}}); !reflect.DeepEqual(got, want) {
				c.Errorf("%s, %d bytes: trailers %v", place, size, got)
			}
		}
	}
}

// trailersUp sends some, which nginx passes to no backend: the request has to arrive whole without them.
func (c *cell) trailersUp() {
	for _, place := range []string{"/", "/direct/"} {
		var got string
		url := c.handle(place, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			got = fmt.Sprintf("%d bytes, %v", len(body), err)
			if late := r.Trailer.Get("X-Sum"); late != "" && late != "a sum" {
				c.Errorf("the backend got a trailer %q", late)
			}
		})
		for range 2 {
			r, _ := c.request("POST", url, unsized(data()[:100_000]))
			r.Trailer = http.Header{"X-Sum": {"a sum"}}
			a := c.do(r)
			if io.Copy(io.Discard, a.Body); a.StatusCode != 200 || got != "100000 bytes, <nil>" {
				c.Errorf("%s: %s; the backend got %s", place, a.Status, got)
			}
		}
	}
}

func (c *cell) interim() {
	answer := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(103)
		w.WriteHeader(200) // its Link stays: Go's server may still be writing the hints' fields
		io.WriteString(w, "the answer")
	}
	for place, want := range map[string]int{"/": 0, "/direct/": 0, "/hints/": 2} {
		r, _ := c.request("GET", c.handle(place, answer), nil)
		hints := 0
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
				if hints++; status != 103 || h.Get("Link") != "</style.css>; rel=preload" {
					c.Errorf("%s: %d %v", place, status, h)
				}
				return nil
			},
		}))
		a := c.do(r)
		if body, err := io.ReadAll(a.Body); a.StatusCode != 200 || string(body) != "the answer" || err != nil {
			c.Errorf("%s: %s, %q, %v", place, a.Status, body, err)
		}
		if hints != want {
			c.Errorf("%s: %d hints, want %d", place, hints, want)
		}
	}
}

func (c *cell) expect() {
	for _, place := range []string{"/", "/direct/"} {
		r, _ := c.request("POST", c.handle(place, mirror(true)), sized(data()[:100_000]))
		r.Header.Set("Expect", "100-continue")
		a := c.do(r)
		if err := differs(a.Body, data()[:100_000]); a.StatusCode != 200 || err != nil {
			c.Errorf("%s: %s, %v", place, a.Status, err)
		}
	}
}
