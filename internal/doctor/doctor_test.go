package doctor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hearth/internal/api"
)

// well is an upstream with nothing wrong.
func well() api.Upstream {
	var u api.Upstream
	u.Pool.Figures = api.Figures{Leases: 10_000, Reused: 9_990, Peak: 10, Idle: 10,
		Misses: map[string]int64{"no_idle": 10, "raced": 0}, Closes: map[string]int64{"idle_timeout": 3, "error": 0}}
	u.Pool.Limits = api.Limits{Keepalive: 32, Loops: 2, Idle: 64, Requests: 1000}
	u.Pool.Sizing.Suggested = 5
	return u
}

// examine has Examine read an upstream "u", and returns the lines about it.
func examine(t *testing.T, u api.Upstream) (report string, advice int) {
	t.Helper()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	documents := map[string]any{
		"/api/9/nginx":          api.Nginx{Build: "hearth/1", Address: "127.0.0.1:80", Generation: 2, Loaded: now.Add(-time.Minute), Now: now},
		"/api/9/http/upstreams": map[string]api.Upstream{"u": u},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(d)
	}))
	defer s.Close()
	var out strings.Builder
	advice, err := Examine(&out, s.URL+"/api/")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(out.String(), "\n\nupstream u\n")
	if head != "hearth/1 at 127.0.0.1:80, configuration 2, loaded 1m0s ago" {
		t.Errorf("head %q", head)
	}
	return rest, advice
}

func TestAnUpstreamThatIsWell(t *testing.T) {
	got, advice := examine(t, well())
	want := `    requests 10000, reused 99.90 %, at once 10 at most; idle connections 10 of at most 64
    dialled: no_idle 10
    closed:  idle_timeout 3
    nothing to improve
`
	if got != want || advice != 0 {
		t.Errorf("%d advice, got:\n%s\nwant:\n%s", advice, got, want)
	}
}

func TestFewRequestsProveNothing(t *testing.T) {
	u := well()
	u.Pool.Leases, u.Pool.Reused = 3, 0
	u.Pool.Closes["upstream_connection_close"] = 3
	if got, advice := examine(t, u); advice != 0 || !strings.HasSuffix(got, "nothing to improve, as far as so few requests tell\n") {
		t.Errorf("%d advice:\n%s", advice, got)
	}
}

// Each thing that is wrong is said once, with what to do.
func TestAdvice(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*api.Upstream)
		want  string
	}{
		{"Connection: close", func(u *api.Upstream) { u.Pool.Closes["upstream_connection_close"] = 5000 },
			"after 50.0 % of requests the connection was closed for upstream_connection_close: the answer said Connection: close"},
		{"Connection: close of the request", func(u *api.Upstream) { u.Pool.Closes["disabled"] = 5000 },
			"the connection was closed for disabled: the request said Connection: close"},
		{"HTTP/1.0", func(u *api.Upstream) { u.Pool.Closes["http10"] = 100 }, "after 1.0 % of requests the connection was closed for http10"},
		{"a short timeout", func(u *api.Upstream) { u.Pool.Closes["upstream_eof"] = 200 }, "its timeout is shorter than keepalive_timeout"},
		{"failures", func(u *api.Upstream) { u.Pool.Closes["error"] = 200 }, "an exchange failed; the error log says how"},
		{"clients that leave", func(u *api.Upstream) { u.Pool.Closes["response_unread"] = 200 }, "the client went away"},
		{"early answers", func(u *api.Upstream) { u.Pool.Closes["request_unsent"] = 200 }, "the server answered before it had read the request"},
		{"few requests on each", func(u *api.Upstream) {
			u.Pool.Closes["max_requests"] = 2000
			u.Pool.PerConn.Mean, u.Pool.Limits.Requests = 5, 5
		}, "connections end after 5 requests on average, by keepalive_requests 5"},
		{"a small pool", func(u *api.Upstream) {
			u.Pool.Peak, u.Pool.Limits.Idle, u.Pool.Sizing.Suggested, u.Pool.Closes["evicted"] = 300, 64, 150, 7
		}, `300 connections were in use at once and 64 are kept at most, so 7 were closed: "keepalive 150;" (times 2 loops) keeps them all`},
		{"locations apart", func(u *api.Upstream) { u.Pool.Misses["identity"], u.Pool.Limits.Local = 1000, true },
			`for 10.0 % of requests there were idle connections, but none that fits: each location keeps its own, which is the default; "keepalive 32;" without "local"`},
		{"many identities", func(u *api.Upstream) { u.Pool.Misses["identity"] = 1000 }, "proxy_bind or proxy_ssl_name with a variable"},
		{"POST after a pause", func(u *api.Upstream) { u.Pool.Misses["fresh_required"] = 1000 },
			"for 10.0 % of requests a connection was made for fresh_required: a request that may not be repeated"},
		{"stray bytes", func(u *api.Upstream) { u.Pool.Closes["unexpected_data"] = 1 }, "1 connections had bytes on them that belong to no answer"},
		{"off", func(u *api.Upstream) { u.Pool.Limits.Idle, u.Pool.Closes["disabled"] = 0, 10_000 }, `keepalive is off: "keepalive 0"`},
		{"max_conns", func(u *api.Upstream) { u.Pool.Full = 500 }, "max_conns refused 500 requests a connection"},
		{"a location", func(u *api.Upstream) {
			u.NotKept = []api.NotKept{{Location: "/b", Directive: "proxy_http_version 1.0", At: "nginx.conf:7"}}
		}, "location /b in nginx.conf:7 keeps no connection: proxy_http_version 1.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := well()
			test.spoil(&u)
			got, advice := examine(t, u)
			_, said, _ := strings.Cut(got, "  - ")
			if advice != 1 || !strings.Contains(said, test.want) || strings.Contains(said, "  - ") {
				t.Errorf("%d advice:\n%s", advice, got)
			}
		})
	}
}

func TestWhatIsSaidOfPeers(t *testing.T) {
	u := well()
	u.Peers = []api.Peer{{Name: "127.0.0.1:1", State: "up", Pool: &api.Figures{Learned: 4500}}, {Name: "127.0.0.1:2", State: "unavail"}}
	got, _ := examine(t, u)
	for _, want := range []string{
		"    127.0.0.1:1 was seen to close idle connections; here they are closed before, after 4.5s\n", "    127.0.0.1:2 is unavail\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestAnAddressThatIsNoStatusInterface(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page/9/nginx" {
			w.Write([]byte("<html>"))
			return
		}
		http.NotFound(w, r)
	}))
	defer s.Close()
	for path, want := range map[string]string{"/none": "404 Not Found; is this the address of a location with", "/page": "no answer of a status interface"} {
		if _, err := Examine(new(strings.Builder), s.URL+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
