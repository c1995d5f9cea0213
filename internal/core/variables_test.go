package core_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// Those that nginx and core cannot be asked for side by side; for the rest see TestVariablesAreNginxs.
func TestVariables(t *testing.T) {
	s := coretest.New(t, modules, `server { listen 127.0.0.1:8080; location / { echo $arg_v; }
		location /time { echo "$time_local|$time_iso8601|$time_iso8601_ms|$msec|$request_time|$connection_time"; }
		location /conn { echo "$connection|$connection_requests|$remote_addr|$remote_port|$server_addr|$server_port|$request_length|$pid"; }
		location /id { echo "$request_id $request_id"; }
		location /req { echo "$request_port$is_request_port|$nginx_version|$hostname|$request_body|$request_body_file"; }
		location /sent { echo "$status|$sent_http_content_type|$sent_http_location|$bytes_sent|$body_bytes_sent|$request_completion"; }
	}`)
	s.Get("/")
	s.Sim.Advance(1500 * time.Millisecond)
	for _, tt := range []struct{ path, pattern string }{
		{"/time", `^\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d\|\d+\.\d{3}\|0\.000\|1\.500$`},
		{"/conn", `^1\|3\|127\.0\.0\.1\|40000\|127\.0\.0\.1\|8080\|\d+\|\d+$`},
		{"/id", `^([0-9a-f]{32}) [0-9a-f]{32}$`},
		{"/req", `^\|` + regexp.QuoteMeta(core.NginxVersion) + `\|[^|]+\|\|$`},
		{"/sent", `^200\|\|\|0\|0\|$`},
	} {
		if body := s.Get(tt.path).Body; !regexp.MustCompile(tt.pattern).MatchString(body) {
			t.Errorf("%s: %q does not match %s", tt.path, body, tt.pattern)
		}
	}
	first, second, _ := strings.Cut(s.Get("/id").Body, " ")
	if first != second || s.Get("/id").Body[:32] == first {
		t.Errorf("%q and %q", first, second)
	}
}

func TestTimeChangesWithTheClock(t *testing.T) {
	s := coretest.New(t, modules, `location / { echo $time_local; }`)
	first := s.Get("/").Body
	s.Sim.Advance(time.Second)
	if second := s.Get("/").Body; second == first {
		t.Errorf("%q twice", second)
	}
}

func TestLogVariablesDoNotAllocate(t *testing.T) {
	s := coretest.New(t, modules, `location / { echo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $host $request_id $sent_http_x $cookie_a $arg_b'; }`)
	call := s.Repeat(coretest.Get("/x?a=1&b=2", "User-Agent: me", "Authorization: Basic dXNlcjpwYXNz", "Cookie: b=1; a=2"))
	call()
	if n := testing.AllocsPerRun(100, call); n > 1 { // the array of a value with many parts
		t.Errorf("%v allocations", n)
	}
}
