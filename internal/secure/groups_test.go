package secure

import (
	"crypto/tls"
	"slices"
	"testing"
)

func TestGroups(t *testing.T) {
	got, err := ParseGroups("X25519:prime256v1:X448:?nothing")
	if err != nil || !slices.Equal(got, []tls.CurveID{tls.X25519, tls.CurveP256}) {
		t.Error(got, err)
	}
	if _, err := ParseGroups("X448"); err != errNoGroup {
		t.Error(err)
	}
}
