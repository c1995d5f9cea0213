package notmodified

import (
	"strings"
	"testing"
)

// A tag that is matched strongly is matched weakly, too, and a list that a tag is added to matches it.
func FuzzMatches(f *testing.F) {
	f.Add(`"a", W/"b" ,	"c"`, "c")
	f.Add(`*`, "")
	f.Add(`W/`, `W/`)
	f.Fuzz(func(t *testing.T, list, opaque string) {
		tag := []byte(`"` + strings.NewReplacer(`"`, "", ",", "").Replace(opaque) + `"`)
		strongly, weakly := matches([]byte(list), tag, false), matches([]byte(list), tag, true)
		if strongly && !weakly {
			t.Errorf("%q has %s strongly only", list, tag)
		}
		longer := []byte(list + ", " + string(tag))
		if list != "*" && (!matches(longer, tag, false) || !matches(longer, tag, true)) {
			t.Errorf("%q has not %s", longer, tag)
		}
	})
}
