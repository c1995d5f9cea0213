package core_test

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// verdicts is a module with two Access handlers, which say what the arguments a and b of the request tell them to.
var verdicts = &core.Module{
	Name: "test_verdicts",
	Phases: []core.Phase{
		{At: core.Access, Run: func(r *core.Request) core.Verdict { return verdictOf(r, "a") }},
		{At: core.Access, Run: func(r *core.Request) core.Verdict { return verdictOf(r, "b") }},
	},
}

func verdictOf(r *core.Request, arg string) core.Verdict {
	switch v, _ := r.Arg(arg); string(v) {
	case "ok":
		return core.OK
	case "403":
		return 403
	case "401":
		r.Out.SetHeader("WWW-Authenticate", []byte("Basic"))
		return 401
	case "500":
		return 500
	}
	return core.Declined
}

func TestSatisfyCombinesAccessVerdicts(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, verdicts}, `location /all { echo in; } location /any { satisfy any; echo in; }`)
	for _, tt := range []struct {
		path   string
		status int
	}{
		{"/all", 200}, {"/all?a=ok&b=ok", 200}, {"/all?a=ok&b=403", 403}, {"/all?a=403&b=ok", 403}, {"/all?b=401", 401}, {"/all?a=500", 500},
		{"/any", 200}, {"/any?a=ok&b=403", 200}, {"/any?a=403&b=ok", 200}, {"/any?a=403", 403}, {"/any?a=401&b=403", 401},
		{"/any?a=403&b=401", 401}, {"/any?a=401&b=ok", 200}, {"/any?a=500&b=ok", 500},
	} {
		res := s.Get(tt.path)
		if res.Status != tt.status || res.Header.Has("WWW-Authenticate") != (tt.status == 401) {
			t.Errorf("%s: %+v", tt.path, res)
		}
	}
	if res := s.Get("/any?a=403"); len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], "[error] access forbidden by rule, client: 127.0.0.1") {
		t.Errorf("%q", res.Log)
	}
}

// count is a state; kept one of those that an internal redirect does not clear.
type count struct{ n int }

var (
	cleared = core.NewState[count]()
	kept    = core.NewLastingState[count]()
)

var counter = &core.Module{Name: "test_counter", Phases: []core.Phase{{At: core.PreAccess, Run: func(r *core.Request) core.Verdict {
	cleared.Of(r).n++
	kept.Of(r).n++
	return core.Declined
}}}, Variables: []core.Variable{
	{Name: "cleared", Get: func(r *core.Request) ([]byte, bool) { return digit(cleared.Of(r).n), true }},
	{Name: "kept", Get: func(r *core.Request) ([]byte, bool) { return digit(kept.Get(r).n), kept.Get(r) != nil }},
}}

func digit(n int) []byte { return []byte{byte('0' + n)} }

func TestStateLivesAsLongAsTheRequest(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, counter}, `location / { echo "$cleared $kept"; } location /go { goto /; }`)
	for range 3 {
		if res := s.Get("/"); res.Body != "1 1" {
			t.Errorf("%q", res.Body)
		}
		if res := s.Get("/go"); res.Body != "1 2" {
			t.Errorf("after a redirect: %q", res.Body)
		}
	}
}

func TestLogPhaseRunsOnceWhateverHappens(t *testing.T) {
	var logged []string
	logger := &core.Module{Name: "test_log", Phases: []core.Phase{{At: core.Log, Run: func(r *core.Request) core.Verdict {
		logged = append(logged, string(r.Unparsed)+" "+digits(r.Status()))
		return core.Declined
	}}}}
	s := coretest.New(t, []*core.Module{echo, logger, subs}, `location / { echo x; } location /404 { answer 404; } location /444 { answer 444; }
		location /sub { include_uri /; } location /logsub { include_uri /lsub; } location /lsub { log_subrequest on; echo y; }`)
	s.Get("/")
	s.Get("/404")
	s.Get("/444")
	s.Get("/sub")
	s.Get("/logsub")
	s.Get("/%zz")
	s.Do("G\x01T / HTTP/1.1\r\n\r\n")
	equalLines(t, logged, []string{"/ 200", "/404 404", "/444 444", "/sub 200", "/logsub 200", "/logsub 200", " 400", " 400"})
}

func digits(n int) string { return string(digit(n/100)) + string(digit(n/10%10)) + string(digit(n%10)) }

func TestCarriedThingsOutliveGenerations(t *testing.T) {
	made, closed := 0, 0
	thing := &core.Module{Name: "test_thing",
		Directives: []conf.Directive{{Name: "thing", In: conf.HTTP, Set: func(c *conf.Cursor, b *conf.Block, args []string) error { return nil }}},
		Init: func(g *core.Generation) error {
			core.Carry(g.Carried, "thing", "x", func() *closer { made++; return &closer{&closed} })
			core.Carry(g.Carried, "thing", "x", func() *closer { made++; return &closer{&closed} })
			return nil
		}}
	s := coretest.New(t, []*core.Module{thing}, "location / { }")
	old := s.Reload("location / { }")
	if made != 1 || closed != 0 {
		t.Errorf("made %d, closed %d", made, closed)
	}
	old.Close()
	if closed != 0 {
		t.Error("closed while the new generation holds it")
	}
	s.Gen.Close()
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

type closer struct{ n *int }

func (c *closer) Close() { *c.n++ }

func TestGenerationsDrain(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, subs}, `location / { slow 10s; }`)
	c := s.Start(coretest.Get("/"))
	old := s.Reload(`location / { echo new; }`)
	if old.Drained() || s.Get("/").Body != "new" {
		t.Error("the old generation must go on with its request, the new one serve the next")
	}
	c.Unblock()
	s.Sim.Advance(10e9)
	if !old.Drained() || c.Response().Body != "slow" {
		t.Errorf("%+v", c.Response())
	}
	old.Close()
}

func TestErrorLogOfTheLevel(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo}, `error_log logs/server.log warn; location / { answer 404; }
		location /loop { error_log logs/loop.log; goto /loop; } location /quiet { error_log logs/quiet.log crit; goto /quiet; }`)
	s.Get("/loop")
	s.Get("/quiet", "Referer: http://x/")
	if log := s.ReadFile("logs/loop.log"); !strings.Contains(log, "[error] ") || !strings.Contains(log, ": *1 rewrite or internal") {
		t.Errorf("%q", log)
	}
	if log := s.ReadFile("logs/quiet.log"); log != "" {
		t.Errorf("%q", log)
	}
	for levels, want := range map[string]string{
		"info x": `invalid log level "x"`, "debug info": `duplicate log level "info"`, "info info": `duplicate log level "info"`,
		"warn debug_http": `invalid log level "debug_http"`, "debug_http debug": `duplicate log level "debug"`, "debug_http debug_core": "",
	} {
		if want != "" {
			want += " in nginx.conf:1"
		}
		if got := coretest.LoadError(t, nil, "error_log logs/x "+levels+";"); got != want {
			t.Errorf("%s: %s", levels, got)
		}
	}
	if got := coretest.LoadError(t, nil, "error_log logs/x bogus;"); got != `invalid log level "bogus" in nginx.conf:1` {
		t.Error(got)
	}
}

func TestAuthDelay(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, verdicts}, `location / { auth_delay 2s; satisfy any; echo in; } location /all { auth_delay 2s; echo in; }`)
	for _, path := range []string{"/?a=401", "/all?a=401"} {
		c := s.Start(coretest.Get(path))
		s.Sim.Advance(1900 * time.Millisecond)
		if c.Done() {
			t.Errorf("%s: not delayed", path)
		}
		s.Sim.Advance(200 * time.Millisecond)
		if res := c.Response(); !c.Done() || res.Status != 401 {
			t.Errorf("%s: %+v", path, res)
		}
	}
	if c := s.Start(coretest.Get("/?a=403")); !c.Done() {
		t.Error("403 was delayed")
	}
}
