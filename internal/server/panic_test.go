package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/modules"
)

// faulty panics where the argument `panic` of a request says.
var faulty = core.Module{
	Name: "test_faulty",
	Phases: []core.Phase{
		{At: core.PreAccess, Run: func(r *core.Request) core.Verdict {
			switch at, _ := r.Arg("panic"); string(at) {
			case "handler":
				panic("faulty handler")
			case "body":
				panic(fmt.Sprint("faulty handler with a body: ", r.BufferBody()))
			case "response":
				r.Out.Status = 200
				if r.SendHead() == nil {
					_ = r.Send(core.Chunk{Mem: []byte("part"), Flush: true})
				}
				panic("faulty handler with half a response")
			case "background":
				r.Subrequest([]byte("/sub"), []byte("panic=handler"), core.SubOptions{Background: true})
			case "both":
				r.Subrequest([]byte("/held"), nil, core.SubOptions{Background: true})
				panic("faulty handler with a subrequest")
			}
			return core.Declined
		}},
		{At: core.Log, Run: func(r *core.Request) core.Verdict {
			if at, _ := r.Arg("panic"); string(at) == "log" {
				panic("faulty log")
			}
			return core.Declined
		}},
	},
	Headers: []core.HeaderFilter{{Run: func(r *core.Request) error {
		if at, _ := r.Arg("panic"); string(at) == "filter" {
			panic("faulty filter")
		}
		return nil
	}}},
}

// A panic costs the request and its connection, and nothing else: the stack is logged, the generation drains, and at the
// end (newWorld looks) no descriptor, connection, goroutine or temporary file is left.
func TestAPanicCostsOneConnection(t *testing.T) {
	builtIn := modules.All
	modules.All = append(slices.Clip(builtIn), &faulty)
	defer func() { modules.All = builtIn }()
	w := newWorld(t, strings.Replace(proxied, "access_log off;", "client_body_in_file_only clean;", 1))
	defer func() { w.server.Stop() }()
	for _, tt := range []struct{ request, want, log string }{
		{"GET /?panic=handler HTTP/1.1\nHost: x\n\n", "", "panic: faulty handler\n"},
		{"POST /?panic=body HTTP/1.1\nHost: x\nContent-Length: 4\n\nbody", "", "panic: faulty handler with a body: <nil>\n"},
		{"GET /?panic=response HTTP/1.1\nHost: x\n\n", "4\r\npart\r\n", "panic: faulty handler with half a response\n"},
		{"GET /?panic=filter HTTP/1.1\nHost: x\n\n", "", "panic: faulty filter\n"},
		{"GET /?panic=log HTTP/1.1\nHost: x\n\n", "backend /", "panic: faulty log\n"},
		{"GET /?panic=background HTTP/1.1\nHost: x\nConnection: close\n\n", "backend /", "panic: faulty handler\n"},
	} {
		c := w.dial()
		io.WriteString(c, strings.ReplaceAll(tt.request, "\n", "\r\n"))
		got, _ := io.ReadAll(c) // ends with the connection, perhaps by a reset
		if !strings.HasSuffix(string(got), tt.want) || tt.want == "" && len(got) > 0 {
			t.Errorf("%q was answered %q, want %q", tt.request, got, tt.want)
		}
		w.wantLog(tt.log)
		w.wantLog("(*Request).run")
		w.want("/x", "backend /x")
	}
	w.client.CloseIdleConnections()
	if err := w.server.Reload(); err != nil {
		t.Fatal(err)
	}
	w.server.retiring.Wait() // the old generation has drained
	w.want("/x", "backend /x")
	w.client.CloseIdleConnections()
	for !w.server.quiet() { // the end of the client's connection is on its way
		w.server.onLoops(nothing)
	}
	w.server.onLoops(nothing)
	for i, l := range w.server.loops {
		if n := l.Stats().FibersLive; n > 0 {
			t.Errorf("%d fibers are still at work on loop %d", n, i)
		}
	}
	if files, err := filepath.Glob(filepath.Join(w.dir, "*_temp", "*")); err != nil || len(files) > 0 {
		t.Errorf("temporary files: %v, %v", files, err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "client_body_temp")); err != nil {
		t.Error("request bodies were written elsewhere")
	}
}

// The request's memory and generation are there for as long as its subrequests.
func TestAPanicWaitsForBackgroundSubrequests(t *testing.T) {
	builtIn := modules.All
	modules.All = append(slices.Clip(builtIn), &faulty)
	defer func() { modules.All = builtIn }()
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	c := w.dial()
	io.WriteString(c, "GET /?panic=both HTTP/1.1\r\nHost: x\r\n\r\n")
	<-w.back.held
	if n := w.server.busy(); n != 1 {
		t.Errorf("%d requests are counted while a subrequest runs", n)
	}
	close(w.back.hold)
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
		t.Error("answered")
	}
	w.wantLog("panic: faulty handler with a subrequest\n")
	w.server.onLoops(nothing)
	if n := w.server.busy(); n != 0 {
		t.Errorf("%d requests are left", n)
	}
}
