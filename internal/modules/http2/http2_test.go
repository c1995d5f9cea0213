package http2_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/http2"
)

var modules = []*core.Module{&http2.Module}

// The messages are those of Debian's nginx -t for the same lines.
func TestErrors(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"http2 maybe", `invalid value "maybe" in "http2" directive, it must be "on" or "off"`},
		{"http2_chunk_size 0", `the http2 chunk size cannot be zero`},
		{"http2_body_preread_size 2147483648", `the maximum body preread buffer size is 2147483647`},
		{"http2_max_concurrent_streams x", `"http2_max_concurrent_streams" directive invalid number`},
		{"http2_max_field_size 1 2", `invalid number of arguments in "http2_max_field_size" directive`},
	} {
		if got := coretest.LoadError(t, modules, tt.line+";"); got != tt.want+" in nginx.conf:1" {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

func TestObsoleteDirectivesWarn(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"http2_max_requests 5", `the "http2_max_requests" directive is obsolete, use the "keepalive_requests" directive instead in nginx.conf:1`},
		{"http2_max_field_size x", `the "http2_max_field_size" directive is obsolete, use the "large_client_header_buffers" directive instead in nginx.conf:1`},
		{"http2_push /x", `the "http2_push" directive is obsolete, ignored in nginx.conf:1`},
		{"server { listen 80 http2; }", `the "listen ... http2" directive is deprecated, use the "http2" directive instead in nginx.conf:1`},
		{"server { listen 80; http2 on; }", ""},
	} {
		line := tt.line
		if !strings.HasSuffix(line, "}") {
			line += ";"
		}
		if got := strings.Join(coretest.Warnings(t, modules, line), "\n"); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	s := coretest.New(t, modules, `server { listen 80; }`).Gen.Servers[0]
	if got, want := s.Conf.HTTP2, (core.HTTP2Conf{MaxStreams: 128, Preread: 64 << 10}); got != want {
		t.Errorf("%+v", got)
	}
	if n := s.Location.Conf.HTTP2ChunkSize; n != 8<<10 {
		t.Errorf("http2_chunk_size %d", n)
	}
	s = coretest.New(t, modules, `server { listen 80; http2_chunk_size 1m; }`).Gen.Servers[0]
	if n := s.Location.Conf.HTTP2ChunkSize; n != 16<<10 {
		t.Errorf("http2_chunk_size 1m is %d", n)
	}
}

// withTLS gives every server a configuration for TLS.
var withTLS = core.Module{Name: "tls", Init: func(g *core.Generation) error {
	for _, a := range g.Addresses() {
		for _, s := range a.Servers() {
			s.TLS = &core.ServerTLS{Config: &tls.Config{NextProtos: []string{"http/1.1"}}}
		}
	}
	return nil
}}

// Which protocols are offered depends on the server that the client names, and on the address.
func TestALPN(t *testing.T) {
	for _, tt := range []struct{ name, config, one, two string }{
		{"off", `server { listen 443 ssl; server_name one; } server { listen 443; server_name two; }`, "http/1.1", "http/1.1"},
		{"of one server", `server { listen 443 ssl; server_name one; http2 on; } server { listen 443; server_name two; }`, "h2 http/1.1", "http/1.1"},
		{"of the address", `server { listen 443 ssl http2; server_name one; } server { listen 443; server_name two; }`, "h2 http/1.1", "h2 http/1.1"},
		{"of another address", `server { listen 443 ssl; listen 444 ssl http2; server_name one; } server { listen 443; server_name two; }`, "http/1.1", "http/1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := coretest.New(t, []*core.Module{&http2.Module, &withTLS}, tt.config).Gen
			a := g.Addresses()[0]
			for name, want := range map[string]string{"one": tt.one, "two": tt.two, "": tt.one} {
				config, err := a.TLS.Config.GetConfigForClient(&tls.ClientHelloInfo{ServerName: name})
				if err != nil || !slices.Equal(config.NextProtos, strings.Fields(want)) {
					t.Errorf("%s: %v, %v, want %s", name, config.NextProtos, err, want)
				}
			}
		})
	}
}
