package peertls

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// place is a slot as a module that passes requests on has one.
type place struct {
	Settings
	rules *Rules
}

// rulesOf loads a configuration of locations and returns the rules of each, in order. ca.pem is a file of authorities.
func rulesOf(t *testing.T, prefix, locations string) (list []*Rules) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), root(t), 0o600); err != nil {
		t.Fatal(err)
	}
	slot := conf.NewSlot[place](conf.LocationLevel)
	module := &core.Module{Name: "test", Directives: append(Rows(slot, prefix, func(p *place) *Settings { return &p.Settings }),
		conf.Finish(slot, func(c *conf.Cursor, b *conf.Block, p *place) (err error) {
			if b.Kind != conf.Location {
				return nil
			}
			p.rules, err = p.Rules(c, b, prefix)
			list = append(list, p.rules)
			return err
		}))}
	_, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: dir + "/", Schema: core.NewSchema([]*core.Module{module}),
		ReadFile: func(string) ([]byte, error) { return []byte("http { server { " + locations + " } }"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestLocationsThatSayTheSameShareTheirRules(t *testing.T) {
	rules := rulesOf(t, "proxy", `
		proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_conf_command MinProtocol TLSv1.2;
		location /1 { }
		location /2 { }
		location /3 { proxy_ssl_verify_depth 2; }
		location /4 { proxy_ssl_conf_command MinProtocol TLSv1.3; }`)
	if rules[0] != rules[1] {
		t.Error("the same settings were compiled twice")
	}
	if rules[0] == rules[2] || rules[0] == rules[3] {
		t.Error("different settings share their rules")
	}
}

func TestTheNameIsTheHostsOrTheConfigured(t *testing.T) {
	for _, tt := range []struct{ directives, host, name, sni string }{
		{"", "back", "back", ""},
		{"grpc_ssl_server_name on;", "back", "back", "back"},
		{"grpc_ssl_server_name on;", "127.0.0.1", "127.0.0.1", ""},
		{"grpc_ssl_server_name on;", "[::1]", "[::1]", ""},
		{"grpc_ssl_server_name on; grpc_ssl_name one.test;", "back", "one.test", "one.test"},
		{"grpc_ssl_server_name on; grpc_ssl_name one.test:8443;", "back", "one.test", "one.test"},
		{"grpc_ssl_server_name on; grpc_ssl_name [::1]:8443;", "back", "[::1]", ""},
		{`grpc_ssl_server_name on; grpc_ssl_name "";`, "back", "", ""},
		{"", "unix:/run/socket", "unix", ""},
	} {
		rules := rulesOf(t, "grpc", tt.directives+" location / { }")[0]
		got := rules.For(nil, tt.host)
		if got.name != tt.name || got.sni != tt.sni || !rules.Fixed() {
			t.Errorf("%s with host %s: name %q, sent %q; want %q, %q", tt.directives, tt.host, got.name, got.sni, tt.name, tt.sni)
		}
		if again := rules.For(nil, tt.host); again != got {
			t.Error("another target for the same")
		}
	}
}

func TestConnectionsAreSharedByThoseWhoAgreeInTrust(t *testing.T) {
	const verify = "proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; "
	for _, tt := range []struct {
		one, other string // directives, with the host in front
		shared     bool
	}{
		{"a.test", "a.test", true},
		{"a.test", "b.test", true}, // the name is neither sent nor verified
		{"a.test " + verify, "b.test " + verify, false},
		{"a.test " + verify, "a.test", false},
		{"a.test " + verify, "b.test proxy_ssl_name a.test; " + verify, true},
		{"a.test proxy_ssl_server_name on;", "b.test proxy_ssl_server_name on;", false},
		{"a.test proxy_ssl_server_name on;", "a.test", false},
		{"a.test " + verify, "a.test proxy_ssl_verify_depth 2; " + verify, false},
		{"a.test", "a.test proxy_ssl_protocols TLSv1.2;", false},
		{"a.test", "a.test proxy_ssl_ciphers AES128-SHA;", false},
		{"a.test", "a.test proxy_ssl_session_reuse off;", true},
		{"a.test", "a.test proxy_ssl_trusted_certificate ca.pem;", true}, // not used
	} {
		digest := func(s string) string {
			host, directives, _ := strings.Cut(s, " ")
			return rulesOf(t, "proxy", directives+" location / { }")[0].For(nil, host).Digest
		}
		if shared := digest(tt.one) == digest(tt.other); shared != tt.shared {
			t.Errorf("%q and %q share: %v", tt.one, tt.other, shared)
		}
	}
}

var rootOnce sync.Once
var rootPEM []byte

// root is a certificate in PEM, always the same.
func root(t *testing.T) []byte {
	rootOnce.Do(func() {
		rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateFor(t, "root").Raw})
	})
	return rootPEM
}
