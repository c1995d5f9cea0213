package notmodified_test

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/notmodified"
)

// answer makes responses: of a fixed date and tag, or of those the arguments give ("-" = none).
var answer = core.Module{Phases: []core.Phase{{At: core.Content, Run: func(r *core.Request) core.Verdict {
	r.Out.LastModified = 1700000000 // Tue, 14 Nov 2023 22:13:20 GMT
	r.Out.ETag = []byte(`"tag"`)
	if strings.HasSuffix(string(r.URI), "/bare") {
		r.Out.LastModified, r.Out.ETag = -1, nil
	}
	if strings.HasSuffix(string(r.URI), "/weak") {
		r.Out.ETag = []byte(`W/"tag"`)
	}
	r.Out.AddHeader("Content-Encoding", []byte("gzip"))
	r.Out.AddHeader("X-Kept", []byte("yes"))
	return r.Reply(200, []byte("text/plain"), []byte("body"))
}}}}

var modules = []*core.Module{&answer, &notmodified.Module}

const (
	same   = "Tue, 14 Nov 2023 22:13:20 GMT"
	before = "Tue, 14 Nov 2023 22:13:19 GMT"
	after  = "Tue, 14 Nov 2023 22:13:21 GMT"
)

func TestConditions(t *testing.T) {
	s := coretest.New(t, modules, `
		location /off { if_modified_since off; }
		location /before { if_modified_since before; }`)
	for _, tt := range []struct {
		name, path string
		header     []string
		status     int
	}{
		{"no condition", "/", nil, 200},
		{"the client's date is the file's", "/", []string{"If-Modified-Since: " + same}, 304},
		{"a later date is another state, too", "/", []string{"If-Modified-Since: " + after}, 200},
		{"an earlier date", "/", []string{"If-Modified-Since: " + before}, 200},
		{"before: a later date will do", "/before", []string{"If-Modified-Since: " + after}, 304},
		{"before: an earlier date", "/before", []string{"If-Modified-Since: " + before}, 200},
		{"off", "/off", []string{"If-Modified-Since: " + same}, 200},
		{"off is for dates only", "/off", []string{`If-None-Match: "tag"`}, 304},
		{"a bad date", "/", []string{"If-Modified-Since: yesterday"}, 200},
		{"before: a bad date", "/before", []string{"If-Modified-Since: yesterday"}, 200},
		{"a response without date", "/bare", []string{"If-Modified-Since: " + same}, 200},

		{"unmodified since", "/", []string{"If-Unmodified-Since: " + same}, 200},
		{"unmodified since later", "/", []string{"If-Unmodified-Since: " + after}, 200},
		{"modified since", "/", []string{"If-Unmodified-Since: " + before}, 412},
		{"unmodified since a bad date", "/", []string{"If-Unmodified-Since: never"}, 412},
		{"unmodified, without date", "/bare", []string{"If-Unmodified-Since: " + after}, 412},

		{"the tag", "/", []string{`If-None-Match: "tag"`}, 304},
		{"the tag, weak", "/", []string{`If-None-Match: W/"tag"`}, 304},
		{"a weak tag of ours", "/weak", []string{`If-None-Match: "tag"`}, 304},
		{"both weak", "/weak", []string{`If-None-Match: W/"tag"`}, 304},
		{"one of several", "/", []string{"If-None-Match: \"a\" , W/\"b\",\t\"tag\" "}, 304},
		{"another", "/", []string{`If-None-Match: "tags"`}, 200},
		{"a beginning of it", "/", []string{`If-None-Match: "tag"x, "t`}, 200},
		{"any", "/", []string{`If-None-Match: *`}, 304},
		{"any, without tag", "/bare", []string{`If-None-Match: *`}, 304},
		{"a tag, without tag", "/bare", []string{`If-None-Match: "tag"`}, 200},
		{"an empty list", "/", []string{`If-None-Match:`}, 200},

		{"match", "/", []string{`If-Match: "x", "tag"`}, 200},
		{"match any", "/bare", []string{`If-Match: *`}, 200},
		{"no match", "/", []string{`If-Match: "x"`}, 412},
		{"a weak tag does not match strongly", "/", []string{`If-Match: W/"tag"`}, 412},
		{"nor does a strong one a weak one", "/weak", []string{`If-Match: "tag"`}, 412},
		{"no tag to match", "/bare", []string{`If-Match: "tag"`}, 412},

		{"tag and date agree", "/", []string{`If-None-Match: "tag"`, "If-Modified-Since: " + same}, 304},
		{"the tag differs", "/", []string{`If-None-Match: "x"`, "If-Modified-Since: " + same}, 200},
		{"the date differs", "/", []string{`If-None-Match: "tag"`, "If-Modified-Since: " + before}, 200},
		{"a failed one goes first", "/", []string{`If-None-Match: "tag"`, `If-Match: "x"`}, 412},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := s.Get(tt.path, tt.header...)
			if res.Status != tt.status {
				t.Errorf("%d, want %d", res.Status, tt.status)
			}
		})
	}
}

func TestNotModifiedHasNoBodyAndNothingThatDescribesIt(t *testing.T) {
	s := coretest.New(t, modules, "")
	res := s.Get("/", `If-None-Match: "tag"`)
	if res.Body != "" || res.Aborted || res.Header.Has("Content-Type") || res.Header.Has("Content-Length") || res.Header.Has("Content-Encoding") {
		t.Errorf("%q %v", res.Body, res.Header)
	}
	if res.Header.Get("ETag") != `"tag"` || res.Header.Get("Last-Modified") != same || res.Header.Get("X-Kept") != "yes" {
		t.Errorf("%v", res.Header)
	}
}

func TestAFailedPreconditionHasAnErrorPage(t *testing.T) {
	s := coretest.New(t, modules, `location /page { error_page 412 /412; } location = /412 { }`)
	res := s.Get("/", `If-Match: "x"`)
	if !strings.Contains(res.Body, "412 Precondition Failed") || res.Header.Has("ETag") || res.Header.Has("X-Kept") || !res.Complete {
		t.Errorf("%q %v", res.Body, res.Header)
	}
	if res := s.Get("/page", `If-Match: "x"`); res.Status != 412 || res.Body != "body" {
		t.Errorf("%d %q", res.Status, res.Body)
	}
}
