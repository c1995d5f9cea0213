package core_test

import (
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// BenchmarkTrivialLocation is everything core does for a request that needs nothing: it must not allocate.
func BenchmarkTrivialLocation(b *testing.B) {
	s := coretest.New(b, modules, `server { server_name other; }
		server { server_name localhost; location / { echo "hello"; } location ~ \.php$ { echo php; } location /api/ { echo "api $uri"; } }`)
	b.Run("literal", func(b *testing.B) { bench(b, s, "/") })
	b.Run("variable", func(b *testing.B) { bench(b, s, "/api/x") })
}

func bench(b *testing.B, s *coretest.Server, path string) {
	call := s.Repeat(coretest.Get(path))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		call()
	}
}

// TestTrivialLocationDoesNotAllocate holds the hot path to it.
func TestTrivialLocationDoesNotAllocate(t *testing.T) {
	s := coretest.New(t, modules, `location / { echo "hello $uri $host"; }`)
	call := s.Repeat(coretest.Get("/x?y"))
	call()
	if n := testing.AllocsPerRun(100, call); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var _ = core.OK
