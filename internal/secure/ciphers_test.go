package secure

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

func names(ids []uint16) string {
	var list []string
	for _, id := range ids {
		list = append(list, SuiteName(id))
	}
	return strings.Join(list, ":")
}

func TestCipherLists(t *testing.T) {
	for _, tt := range []struct{ list, want string }{
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"}, // Go has no DHE
		{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
		{"EECDH+CHACHA20", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"},
		{"ECDHE+AESGCM+aRSA", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"},
		{"AESGCM:!ECDHE", "AES256-GCM-SHA384:AES128-GCM-SHA256"},
		{"AESGCM:-RSA:!ECDSA:AESGCM+RSA", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256"},
		{"!ECDSA:CHACHA20", "ECDHE-RSA-CHACHA20-POLY1305"},
		{"CHACHA20:+ECDSA", "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305"},
		{"3DES, RSA+AES128+AEAD @STRENGTH", "ECDHE-RSA-DES-CBC3-SHA:DES-CBC3-SHA:AES128-GCM-SHA256"},
	} {
		got, err := ParseCiphers(tt.list)
		if err != nil || names(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.list, names(got), err, tt.want)
		}
	}
	for _, list := range []string{"", ":", "!", "NOTHING", "HIGH:!ALL", "aNULL", "eNULL", "@WHAT", "DHE"} {
		if got, err := ParseCiphers(list); err == nil {
			t.Errorf("%q selects %s", list, names(got))
		}
	}
	high, _ := ParseCiphers("HIGH:!aNULL:!MD5")
	if len(high) != 17 || slices.Contains(high, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA) {
		t.Error(names(high))
	}
}

func FuzzCipherList(f *testing.F) {
	f.Add("HIGH:!aNULL:!MD5")
	f.Add("EECDH+AESGCM,-RSA +ECDSA;@STRENGTH")
	f.Fuzz(func(t *testing.T, list string) {
		ids, err := ParseCiphers(list)
		if (err == nil) == (len(ids) == 0) {
			t.Errorf("%q: %v, %v", list, ids, err)
		}
		for i, id := range ids {
			if slices.Contains(ids[:i], id) {
				t.Errorf("%q selects %s twice", list, SuiteName(id))
			}
		}
	})
}
