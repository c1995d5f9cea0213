// Package api is the status interface: what the process is doing, in JSON, over HTTP. It is the read-only part of
// nginx's ngx_http_api_module (commercial in nginx) as far as hearth counts the same things, so clients of that find
// their way; what only hearth knows, above all about the keepalive pool, stands under "pool".
//
// It shows, and owns nothing: the figures are those of packages frontend, upstream and pool.
package api

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/http1"
	"hearth/internal/loop"
	"hearth/internal/upstream"
)

// Module is the api module.
var Module = core.Module{
	Name: "ngx_http_api_module",
	Directives: []conf.Directive{
		{Name: "api", In: conf.Location, Args: conf.NoArgs | conf.Take1, Set: setAPI,
			Doc: "Answers with the state of the process in JSON, that of the keepalive pools too; read-only."},
	},
}

func setAPI(c *conf.Cursor, b *conf.Block, args []string) error {
	if len(args) == 1 && args[0] != "write=off" {
		if args[0] == "write=on" {
			return c.Errorf("\"write=on\" is not supported, the API is read-only")
		}
		return c.Errorf("invalid parameter \"%s\"", args[0])
	}
	core.SetContent(b, answer)
	return nil
}

// Version is that of the documents: of the paths, as nginx numbers them.
const Version = 9

var contentType = []byte("application/json")

// answer is the content handler. The document is put together on a goroutine of its own: the more upstreams there are,
// the longer it takes, and no other request should wait for that.
func answer(r *core.Request) core.Verdict {
	state := &state{
		gen: r.Gen, now: r.Loop.Now(), wall: r.Loop.Wall(), traffic: frontend.ReadStatusOn(r.Loop),
		address: r.Client.Local().String(),
	}
	path := strings.TrimPrefix(string(r.URI), r.Location.Name)
	method := http1.MethodOf(r.Method)
	status, body := 405, []byte(nil)
	r.Loop.Await(func() {
		var document any
		if method == http1.MethodGet || method == http1.MethodHead {
			status, document = state.find(path)
		} else {
			document = failure(405, "method disabled", "MethodDisabled")
		}
		body = encode(document)
	})
	return r.Reply(status, contentType, body)
}

// encode is the JSON of a document of this package, which all can be encoded.
func encode(document any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		panic("api: " + err.Error())
	}
	return out.Bytes()
}

// state is what a request finds: the process at the moment it came.
type state struct {
	gen     *core.Generation
	now     loop.Instant
	wall    time.Time
	traffic frontend.Status
	address string
}

// Failure is the document of an error.
type Failure struct {
	Error struct {
		Status int    `json:"status"`
		Text   string `json:"text"`
		Code   string `json:"code"`
	} `json:"error"`
}

func failure(status int, text, code string) (f Failure) {
	f.Error.Status, f.Error.Text, f.Error.Code = status, text, code
	return f
}

// find is the document at a path below the location.
func (s *state) find(path string) (status int, document any) {
	steps := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(steps) == 0 {
		return 200, []int{Version}
	}
	if steps[0] != "9" {
		return 404, failure(404, "unknown version", "UnknownVersion")
	}
	switch at := strings.Join(steps[1:], "/"); at {
	case "":
		return 200, []string{"nginx", "connections", "http"}
	case "nginx":
		return 200, s.nginx()
	case "connections":
		return 200, s.connections()
	case "http":
		return 200, []string{"requests", "upstreams"}
	case "http/requests":
		return 200, Requests{Total: s.traffic.Requests, Current: s.traffic.Reading + s.traffic.Writing}
	case "http/upstreams":
		return 200, s.upstreams()
	default:
		if name, ok := strings.CutPrefix(at, "http/upstreams/"); ok {
			if u, ok := s.upstreams()[name]; ok {
				return 200, u
			}
			return 404, failure(404, "upstream not found", "UpstreamNotFound")
		}
		return 404, failure(404, "path not found", "PathNotFound")
	}
}

// Nginx is what runs.
type Nginx struct {
	Version    string    `json:"version"` // of nginx, whose configuration language is followed
	Build      string    `json:"build"`   // hearth's own
	Address    string    `json:"address"` // that the request came to
	Generation int       `json:"generation"`
	Loaded     time.Time `json:"load_timestamp"`
	Now        time.Time `json:"timestamp"`
	PID        int       `json:"pid"`
	PPID       int       `json:"ppid"`
}

func (s *state) nginx() Nginx {
	return Nginx{
		Version: core.NginxVersion, Build: "hearth/" + core.VersionAndBuild(), Address: s.address,
		Generation: s.gen.Number, Loaded: moment(s.gen.Loaded), Now: moment(s.wall), PID: os.Getpid(), PPID: os.Getppid(),
	}
}

func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Connections are the clients' connections.
type Connections struct {
	Accepted int64 `json:"accepted"`
	Dropped  int64 `json:"dropped"`
	Active   int64 `json:"active"`
	Idle     int64 `json:"idle"`
}

func (s *state) connections() Connections {
	t := &s.traffic
	return Connections{Accepted: t.Accepted, Dropped: t.Accepted - t.Handled, Active: t.Active - t.Waiting, Idle: t.Waiting}
}

// Requests are the clients' requests.
type Requests struct {
	Total   int64 `json:"total"`
	Current int64 `json:"current"`
}

func (s *state) upstreams() map[string]Upstream {
	all := map[string]Upstream{}
	for _, v := range upstream.ViewsOf(s.gen, s.now) {
		all[v.Name] = upstreamOf(&v)
	}
	return all
}
