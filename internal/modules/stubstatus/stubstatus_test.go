package stubstatus

import (
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/frontend"
	"hearth/internal/loop"
)

var modules = []*core.Module{&Module}

const config = `location / { stub_status; } location /a { stub_status on; }`

func TestThePageIsThatOfNginx(t *testing.T) {
	readStatus = func(*loop.Loop) frontend.Status {
		return frontend.Status{Accepted: 12, Handled: 11, Requests: 345, Reading: 1, Writing: 2, Waiting: 3, Active: 6}
	}
	defer func() { readStatus = frontend.ReadStatusOn }()
	s := coretest.New(t, modules, config)
	for _, path := range []string{"/", "/a"} {
		res := s.Get(path)
		want := "Active connections: 6 \nserver accepts handled requests\n 12 11 345 \nReading: 1 Writing: 2 Waiting: 3 \n"
		if res.Status != 200 || res.Body != want || res.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %+v", path, res)
		}
	}
}

func TestOtherMethodsThanGetAndHeadAreNotAllowed(t *testing.T) {
	s := coretest.New(t, modules, config)
	if res := s.Do(coretest.Message("POST", "/", "x=1")); res.Status != 405 {
		t.Errorf("POST: %d", res.Status)
	}
	if res := s.Do(coretest.Message("HEAD", "/", "")); res.Status != 200 || res.Body != "" {
		t.Errorf("HEAD: %d %q", res.Status, res.Body)
	}
}
