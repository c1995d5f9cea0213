package rewrite

import (
	"strings"
	"testing"

	"hearth/internal/core/coretest"
)

// Whatever stands in an `if`, loading ends with an error that has a place, or the condition can be asked.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"$uri", " $uri = /", "$uri ~* \"a(b)\" ", "-f $uri", "!-e x", "", " ", "$uri !=", ")", "(", "$", "!~", "$uri ! a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		config := "location / { if (" + s + ") { set $x 1; } return 204; }"
		if msg := coretest.LoadError(t, modules, config); msg != "" {
			if !strings.Contains(msg, " in nginx.conf:") && !strings.HasPrefix(msg, "unknown \"") {
				t.Errorf("%q: an error without place: %s", s, msg)
			}
			return
		}
		if res := coretest.Run(t, modules, config, coretest.Get("/")); res.Status == 0 {
			t.Errorf("%q: no answer", s)
		}
	})
}
