package headers

import (
	"testing"
	"time"
)

func FuzzParseExpires(f *testing.F) {
	for _, s := range []string{"epoch", "max", "off", "1h", "+1h 30m", "-1d", "@15h30m", "@25h", "", "@", "-"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, modified bool) {
		e := expires{kind: expiresAccess}
		if modified {
			e.kind = expiresModified
		}
		if e.parse(s) != nil {
			return
		}
		switch {
		case modified && e.kind != expiresModified:
			t.Errorf("%q: modified became kind %d", s, e.kind)
		case e.kind == expiresDaily && (e.delta < 0 || e.delta > 24*time.Hour):
			t.Errorf("%q: time of day %s", s, e.delta)
		case e.delta < 0 && s[0] != '-':
			t.Errorf("%q: %s before now", s, e.delta)
		}
	})
}
