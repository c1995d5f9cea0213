package core

import (
	"testing"

	"hearth/internal/conf"
)

func TestServerTokensNameVersionAndBuild(t *testing.T) {
	was := build
	defer func() { build = was }()
	for _, tt := range []struct{ build, tokens, want string }{
		{"1a2b3c4", "on", "hearth/" + Version},
		{"1a2b3c4", "off", "hearth"},
		{"1a2b3c4", "build", "hearth/" + Version + " (1a2b3c4)"},
		{"v" + Version, "build", "hearth/" + Version},
		{"", "build", "hearth/" + Version},
	} {
		build = tt.build
		cfg, err := conf.Load(conf.Options{File: "/nginx.conf", Schema: NewSchema(nil),
			ReadFile: func(string) ([]byte, error) { return []byte("http { server_tokens " + tt.tokens + "; }"), nil }})
		if err != nil {
			t.Fatal(err)
		}
		tokens := Settings.Of(cfg.Root.Find(conf.HTTP)[0]).ServerTokens
		if got, _ := tokens.Literal(); got != tt.want {
			t.Errorf("%s of build %q: %q, want %q", tt.tokens, tt.build, got, tt.want)
		}
	}
}
