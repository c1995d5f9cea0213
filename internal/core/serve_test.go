package core_test

import (
	"strings"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/loop"
)

func TestMalformedRequestsAreAnsweredAndLogged(t *testing.T) {
	s := coretest.New(t, modules, `large_client_header_buffers 2 1k; error_page 414 /too-long; error_page 400 =200 /bad;
		location / { echo "page $status $uri [$server_protocol] [$request_uri]"; }`)
	long := strings.Repeat("x", 1100)
	for _, tt := range []struct {
		request      string
		status       int
		body, logged string
	}{
		{"GET /" + long + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "page 414 /too-long [] []", "[info] client sent too long URI while reading client request line, client: 127.0.0.1, server: "},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + long + "\r\n\r\n", 400, "*", "[info] client sent too long header line: "},
		{"GET / HTTP/3.1\r\nHost: a\r\n\r\n", 505, "*", "[info] client sent invalid version while reading client request line, client: 127.0.0.1, server: "},
		{"GET / HTTP/1.1\r\n\r\n", 200, "page 200 /bad [HTTP/1.1] [/]", `[info] client sent HTTP/1.1 request without "Host" header while reading client request headers, client: 127.0.0.1, server: , request: "GET / HTTP/1.1"`},
		{"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "page 200 /bad [HTTP/1.1] []", "[info] client sent invalid request"},
		{"BAD\r\n\r\n", 200, "page 200 /bad [] []", "[info] client sent invalid "},
	} {
		res := s.Do(tt.request)
		if res.Status != tt.status || tt.body != "*" && res.Body != tt.body || res.KeepAlive || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], tt.logged) {
			t.Errorf("%.40q: %+v", tt.request, res)
		}
	}
}

func TestTraceIsNotAllowed(t *testing.T) {
	res := coretest.Run(t, modules, "location / { echo x; }", coretest.Message("TRACE", "/", ""))
	if res.Status != 405 || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], "[info] client sent TRACE method") {
		t.Errorf("%+v", res)
	}
}

func TestPanicLeavesNoRequestCounted(t *testing.T) {
	bad := &core.Module{Name: "test_panic", Directives: []conf.Directive{{Name: "panic", In: conf.Location, Args: conf.NoArgs,
		Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.SetContent(b, func(*core.Request) core.Verdict { panic("oh") })
			return nil
		}}}}
	s := coretest.New(t, []*core.Module{bad, echo}, "location / { echo x; } location /panic { panic; }")
	s.Start(coretest.Get("/panic"))
	if !s.Gen.Drained() {
		t.Errorf("%d requests counted", s.Gen.Busy())
	}
	if res := s.Get("/"); res.Body != "x" {
		t.Errorf("%+v", res)
	}
}

func TestHandlersThatSayNothingAreA500(t *testing.T) {
	mute := &core.Module{Name: "test_mute", Directives: []conf.Directive{{Name: "mute", In: conf.Location, Args: conf.NoArgs,
		Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.SetContent(b, func(*core.Request) core.Verdict { return core.OK })
			return nil
		}}}}
	res := coretest.Run(t, []*core.Module{mute}, "location / { mute; }", coretest.Get("/"))
	if res.Status != 500 || !strings.HasPrefix(res.Log[0], "[alert] the content handler has sent no answer") {
		t.Errorf("%+v", res)
	}
}

func TestWithoutHandlers(t *testing.T) {
	s := coretest.New(t, nil, "root /srv; location /x { }")
	for path, want := range map[string]struct {
		status int
		log    string
	}{
		"/":   {403, `[error] directory index of "/srv/" is forbidden, client: 127.0.0.1, server: , request: "GET / HTTP/1.1", host: "localhost"`},
		"/x":  {404, `[error] no handler found, client: 127.0.0.1, server: , request: "GET /x HTTP/1.1", host: "localhost"`},
		"/x/": {403, `[error] directory index of "/srv/x/" is forbidden, client: 127.0.0.1, server: , request: "GET /x/ HTTP/1.1", host: "localhost"`},
	} {
		if res := s.Get(path); res.Status != want.status || len(res.Log) != 1 || res.Log[0] != want.log {
			t.Errorf("%s: %+v", path, res)
		}
	}
}

// Requests on two loops at once share nothing that changes: the race detector watches.
func TestLoopsShareAGeneration(t *testing.T) {
	a, b := coretest.New(t, modules, "location / { echo $uri; }"), loop.NewSim()
	done := make(chan bool)
	go func() {
		l := b.Loop()
		for range 100 {
			r := core.Acquire(l)
			core.Release(r)
		}
		done <- true
	}()
	for range 100 {
		if res := a.Get("/"); res.Body != "/" {
			t.Errorf("%+v", res)
		}
	}
	<-done
	b.Stop()
}

// Nobody waits for an answer to half a request, so there is no error page for it, nor does one change what is logged.
func TestAnAbandonedRequestIsOnlyLogged(t *testing.T) {
	s := coretest.New(t, modules, `error_page 400 408 =200 /page; location /page { echo page; }`)
	res := s.Do("GET / HTTP/1.1\r\nHost: a\r\n")
	if res.Status != 0 || res.LogStatus != 408 || !res.Aborted || res.Body != "" || len(res.Log) != 1 {
		t.Errorf("%+v", res)
	}
}
