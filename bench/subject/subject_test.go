package subject

import (
	"strings"
	"testing"
)

func TestNginxAndHearthGetTheSameFile(t *testing.T) {
	known := Known("bin/hearth")
	o := Options{Workers: 2, Backends: []string{"127.0.0.1:1", "127.0.0.1:2"}}
	var texts []string
	for _, s := range known[:2] {
		text, err := render(s.conf, "127.0.0.1:80", o)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
		if got := s.args("dir", "conf"); got[len(got)-1] != "daemon off;" {
			t.Errorf("%s is started with %q", s.Name, got)
		}
	}
	if known[0].Name != "hearth" || known[1].Name != "nginx" || texts[0] != texts[1] {
		t.Errorf("the files differ:\n%s\n%s", texts[0], texts[1])
	}
}

func TestOptionsReachBothLanguages(t *testing.T) {
	o := Options{Workers: 2, Backends: []string{"127.0.0.1:1", "127.0.0.1:2"}, AccessLog: true, LogLevel: "warn", Retry: true, Unspooled: true}
	for _, c := range []struct {
		name string
		want []string
	}{
		{"nginx", []string{"worker_processes 2;", "server 127.0.0.1:1;", "server 127.0.0.1:2;", "access_log access.log combined;",
			"error_log error.log warn;", "listen 127.0.0.1:80 backlog=4096 reuseport;", "worker_connections 4096;", "proxy_max_temp_file_size 0;"}},
		{"haproxy", []string{"nbthread 2", "server s0 127.0.0.1:1", "server s1 127.0.0.1:2", "option httplog", "retry-on", "disable-l7-retry unless METH_GET", "bind 127.0.0.1:80"}},
	} {
		for _, s := range Known("hearth") {
			if s.Name != c.name {
				continue
			}
			text, err := render(s.conf, "127.0.0.1:80", o)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%s", c.name, want, text)
				}
			}
		}
	}
}

func TestWhatASubjectHasNoTemplateForIsNotAskedOfIt(t *testing.T) {
	for _, s := range Known("hearth") {
		for _, o := range []Options{{Certificate: "c.pem"}, {HTTP2: true}, {Behind: HTTPS}, {Behind: GRPC}} {
			if got, want := s.Can(o), s.Name != "haproxy" && s.Name != "floor"; got != want {
				t.Errorf("%s can %+v: %v", s.Name, o, got)
			}
		}
		if !s.Can(Options{Workers: 1}) || s.Can(Options{Workers: 2}) != (s.Name != "floor") {
			t.Errorf("%s cannot the plain ones, or the floor more", s.Name)
		}
	}
}

func TestProtocolsOnBothSides(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{Options{}, []string{"listen 127.0.0.1:80 backlog=4096;", "proxy_pass http://backend;", `proxy_set_header Connection "";`}},
		{Options{Certificate: "/c.pem"}, []string{"listen 127.0.0.1:80 ssl backlog=4096;", "ssl_certificate /c.pem;", "ssl_certificate_key /c.pem.key;", "location = /handshake"}},
		{Options{Certificate: "/c.pem", HTTP2: true}, []string{"listen 127.0.0.1:80 ssl http2 backlog=4096;"}},
		{Options{Behind: HTTPS}, []string{"proxy_pass https://backend;", `proxy_set_header Connection "keep-alive";`}},
		{Options{HTTP2: true, Behind: GRPC}, []string{"listen 127.0.0.1:80 http2 backlog=4096;", "grpc_pass grpc://backend;"}},
	} {
		text, err := render(nginxTemplate, "127.0.0.1:80", c.o)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: no %q in\n%s", c.o, want, text)
			}
		}
	}
}

func TestNothingIsLoggedUnlessAsked(t *testing.T) {
	o := Options{Workers: 1, Backends: []string{"127.0.0.1:1"}}
	for _, s := range Known("hearth") {
		text, err := render(s.conf, "127.0.0.1:80", o)
		if err != nil {
			t.Fatal(err)
		}
		for _, unwanted := range []string{"combined", "httplog", "reuseport", "retry", "temp_file"} {
			if strings.Contains(text, unwanted) {
				t.Errorf("%s: %q in\n%s", s.Name, unwanted, text)
			}
		}
	}
}

func TestAMissingProgramIsNamed(t *testing.T) {
	s := likeNginx("hearth", "./no-such-program")
	if err := s.Missing(); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
	if v := s.Version(); v != "unknown" {
		t.Errorf("version %q", v)
	}
}

func TestTail(t *testing.T) {
	if got := tail("abcdef", 2) + tail("a", 2); got != "efa" {
		t.Errorf("got %q", got)
	}
}
