package rewrite

import (
	"testing"

	"hearth/internal/core/coretest"
)

const hotConfig = `
location /return { return 200 "ok"; }
location /redirect { return 301 https://$host$request_uri; }
location /set { set $a "x$arg_k"; if ($a = xv) { return 204; } return 404; }
location /rewrite { rewrite ^/rewrite/(.*)$ /return/$1?q=$arg_k last; }
`

var hotPaths = []string{"/return", "/redirect", "/set?k=v", "/rewrite/x?k=v"}

// What requests cost in steady state, without a client's side.
func BenchmarkRequest(b *testing.B) {
	s := coretest.New(b, modules, hotConfig)
	for _, path := range hotPaths {
		serve := s.Repeat(coretest.Get(path))
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

func TestARequestAllocatesNothing(t *testing.T) {
	s := coretest.New(t, modules, hotConfig)
	for _, path := range hotPaths {
		serve := s.Repeat(coretest.Get(path))
		serve()
		if n := testing.AllocsPerRun(100, serve); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}
