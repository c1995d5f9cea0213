package headers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/mapping"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
	"hearth/internal/text"
)

var modules = []*core.Module{&Module, &mapping.Module, &rewrite.Module}

const config = `
http {
    map $arg_e $when { default off; epoch epoch; max max; hour 1h; past -1h; bad x; zero 0; }
    map $arg_m $maybe { default ""; 1 one; }
    add_header X-Http http;
    server {
        listen 80;
        add_header X-Server "server $uri" always;
        location / { return 200 x; }
        location /own { add_header X-Own $maybe; add_header X-Always always always; add_header X-Own two; return 200 x; }
        location /404 { add_header X-Own one; add_header X-Always a always; return 404; }
        location /404text { add_header X-Own one; add_header X-Always a always; return 404 x; }
        location /302 { add_header X-Own one; return 302 /; }
        location /204 { add_header X-Own one; return 204; }
        location /201 { add_header X-Own one; return 201 x; }
        location /202 { add_header X-Own one; add_header X-Always a always; return 202 x; }
        location /if { add_header X-Own outer; if ($arg_m) { add_header X-Own inner; } if ($arg_n) { return 200 x; } return 200 y; }
        location /expires/ { return 200 x;
            location /expires/epoch { expires epoch; return 200 x; }
            location /expires/max { expires max; return 200 x; }
            location /expires/off { expires off; return 200 x; }
            location /expires/hour { expires 1h; return 200 x; }
            location /expires/plus { expires +1h; return 200 x; }
            location /expires/past { expires -1h; return 200 x; }
            location /expires/zero { expires 0; return 200 x; }
            location /expires/modified { expires modified 1d; return 200 x; }
            location /expires/404 { expires 1h; return 404 x; }
            location /expires/302 { expires 1h; return 302 /; }
            location /expires/map { expires $when; return 200 x; }
            location /expires/both { expires 1h; add_header Cache-Control public; return 200 x; }
        }
        expires $when;
        location /cc { add_header Cache-Control a; add_header Cache-Control b; add_header Link c; add_header Link d; return 200 x; }
        location /etag { add_header ETag '"x"'; add_header Last-Modified "some day"; return 200 x; }
        location /noetag { add_header ETag ''; add_header Last-Modified ''; return 200 x; }
        location /date { add_header Last-Modified "Sun, 06 Nov 1994 08:49:37 GMT"; return 200 x; }
        location /trailer { add_trailer X-Sum "$status $maybe"; add_trailer X-Maybe $maybe; add_trailer X-Always a always; return 200 x; }
        location /trailer404 { add_trailer X-Sum "$status"; add_trailer X-Always a always; return 404 x; }
    }
}
`

// shown are the fields that are compared, sorted. Expires is given by its distance from now.
func shown(t *testing.T, h coretest.Header, now time.Time) []string {
	t.Helper()
	var list []string
	for _, line := range h {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Expires":
			at, ok := text.ParseHTTPDate([]byte(value))
			if !ok {
				t.Errorf("no date: %q", line)
			}
			if at.Unix() > 1 && at.Year() != 2037 {
				line = "Expires: in " + at.Sub(now.Truncate(time.Second)).String()
			}
			list = append(list, line)
		case strings.HasPrefix(name, "X-"), slices.Contains([]string{"Cache-Control", "Link", "ETag", "Etag", "Last-Modified"}, name):
			list = append(list, strings.TrimSpace(strings.Replace(line, "Etag", "ETag", 1)))
		}
	}
	slices.Sort(list)
	return list
}

func TestFieldsAreThoseOfNginx(t *testing.T) {
	n := nginxtest.Start(t, config)
	s := coretest.New(t, modules, config)
	paths := []string{"/", "/own", "/own?m=1", "/404", "/404text", "/302", "/204", "/201", "/202", "/if", "/if?m=1", "/if?m=1&n=1", "/cc", "/etag", "/noetag", "/date"}
	for _, x := range []string{"", "epoch", "max", "off", "hour", "plus", "past", "zero", "modified", "404", "302", "both", "map", "map?e=epoch", "map?e=max", "map?e=hour",
		"map?e=past", "map?e=bad", "map?e=zero"} {
		paths = append(paths, "/expires/"+x)
	}
	paths = append(paths, "/?e=max", "/trailer", "/trailer?m=1", "/trailer404")
	for _, path := range paths {
		got, want := s.Get(path), n.Get(path)
		now, ok := text.ParseHTTPDate([]byte(want.Header.Get("Date")))
		if !ok {
			t.Fatalf("%s: nginx sent no date", path)
		}
		mine, theirs := shown(t, got.Header, s.Loop.Wall()), shown(t, want.Header, now)
		mineAfter, theirsAfter := shown(t, got.Trailer, now), shown(t, want.Trailer, now)
		if !slices.Equal(mine, theirs) || !slices.Equal(mineAfter, theirsAfter) || got.Status != want.Status {
			t.Errorf("%s\n hearth: %d %q %q\n nginx:  %d %q %q", path, got.Status, mine, mineAfter, want.Status, theirs, theirsAfter)
		}
	}
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"add_header a;", "add_header a b c;", "add_header a b always d;", "add_header a $;", "add_header a $nosuch;", "add_header a b ALWAYS;", "if ($uri) { add_header a b; }",
		"add_trailer a;", "add_trailer a b c;", "add_trailer a ${b;",
		"expires;", "expires x;", "expires a b;", "expires modified;", "expires modified max;", "expires modified @1h;", "expires @25h;", "expires @x;", "expires 1h; expires 2h;",
		"expires 1h 2h;", "expires -x;", "expires +;", "expires $;", "expires 1h modified;", "expires modified $nosuch;", "expires '';", "expires @24h1s;", "expires 1x;",
	} {
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}
