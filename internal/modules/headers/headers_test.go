package headers

import (
	"slices"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

func TestInheritanceOfFields(t *testing.T) {
	s := coretest.New(t, modules, `
http {
    add_header X-A http;
    server {
        listen 80;
        add_header_inherit merge;
        add_header X-A server;
        location / { return 204; }
        location /more { add_header X-A more; return 204; }
        location /on { add_header_inherit on; add_header X-A on; return 204; }
        location /off { add_header_inherit off; return 204; }
        location /offown { add_header_inherit off; add_header X-A own; return 204; }
        location /nested/ { add_header X-A outer; location /nested/inner { add_header X-A inner; return 204; } return 204; }
    }
}`)
	for path, want := range map[string][]string{
		"/": {"server", "http"}, "/more": {"more", "server", "http"}, "/on": {"on"}, "/off": nil, "/offown": {"own"},
		"/nested/": {"outer", "server", "http"}, "/nested/inner": {"inner", "outer", "server", "http"},
	} {
		if got := s.Get(path).Header.Values("X-A"); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestDailyExpiry(t *testing.T) {
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		at   time.Duration
		want time.Time
	}{
		{13 * time.Hour, day.Add(time.Hour)},
		{11 * time.Hour, day.Add(23 * time.Hour)},
		{12 * time.Hour, day.Add(24 * time.Hour)},
		{24 * time.Hour, day.Add(12 * time.Hour)},
	} {
		if got := nextTimeOfDay(day, c.at); !got.Equal(c.want) {
			t.Errorf("@%s: got %s, want %s", c.at, got, c.want)
		}
	}
}

func TestTrailersNeedAChunkedBody(t *testing.T) {
	s := coretest.New(t, modules, `location / { add_trailer X-T "$body_bytes_sent"; return 200 hello; }`)
	if res := s.Get("/"); res.Header.Has("Content-Length") || res.Trailer.Get("X-T") == "" {
		t.Errorf("HTTP/1.1: %q %q", res.Header, res.Trailer)
	}
	if res := s.Do("GET / HTTP/1.0\r\n\r\n"); res.Header.Get("Content-Length") != "5" {
		t.Errorf("HTTP/1.0: %q %q", res.Header, res.Trailer)
	}
	if res := s.Do(coretest.Message("HEAD", "/", "")); res.Header.Get("Content-Length") != "5" {
		t.Errorf("HEAD: %q %q", res.Header, res.Trailer)
	}
}
