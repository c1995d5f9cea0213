package http1

import (
	"strings"
	"testing"
)

func TestMethods(t *testing.T) {
	for m := MethodGet; m <= MethodConnect; m++ {
		if m.String() == "" || MethodOf([]byte(m.String())) != m {
			t.Errorf("%d is %q, which is %d", m, m, MethodOf([]byte(m.String())))
		}
		if got := MethodOf([]byte(strings.ToLower(m.String()))); got != MethodOther {
			t.Errorf("%q in lower case is %v", m, got)
		}
	}
	if MethodOf(nil) != MethodOther || MethodOf([]byte("GETS")) != MethodOther || MethodOther.String() != "" {
		t.Error("other methods")
	}
}
