package ssl

import (
	"encoding/asn1"
	"testing"
)

// TestNamesAreWrittenAsByOpenSSL has what nginx with OpenSSL 3 made of the same names in $ssl_client_s_dn and
// $ssl_client_s_dn_legacy: authorization is built upon these.
func TestNamesAreWrittenAsByOpenSSL(t *testing.T) {
	part := func(tag int, value string, oid ...int) attribute {
		return attribute{oid, asn1.RawValue{Tag: tag, Bytes: []byte(value)}}
	}
	const utf8, bmp, ia5, printable = asn1.TagUTF8String, asn1.TagBMPString, asn1.TagIA5String, asn1.TagPrintableString
	cn, o, ou := []int{2, 5, 4, 3}, []int{2, 5, 4, 10}, []int{2, 5, 4, 11}
	uid := []int{0, 9, 2342, 19200300, 100, 1, 1}
	for _, tt := range []struct {
		name            []attributeSET
		rfc2253, legacy string
	}{
		{nil, "", ""},
		{[]attributeSET{{part(printable, "DE", 2, 5, 4, 6)}, {part(utf8, "x", cn...), part(utf8, "o", o...), part(utf8, "7", uid...)}},
			"UID=7+O=o+CN=x,C=DE", "/C=DE/CN=x+O=o+UID=7"},
		{[]attributeSET{{part(utf8, `a/b+c,d;e<f>"g\h=i#`, cn...)}, {part(utf8, " lead", o...)}, {part(utf8, "trail ", o...)}, {part(utf8, "#x", ou...)}, {part(utf8, " ", ou...)}},
			`OU=\ ,OU=\#x,O=trail\ ,O=\ lead,CN=a/b\+c\,d\;e\<f\>\"g\\h=i#`, `/CN=a\/b\+c,d;e<f>"g\h=i#/O= lead/O=trail /OU=#x/OU= `},
		{[]attributeSET{{part(utf8, "ü\x7f\x01", cn...)}}, `CN=\C3\BC\7F\01`, `/CN=\xC3\xBC\x7F\x01`},
		{[]attributeSET{{part(bmp, "\x00\xfc\x20\xac\x00a", cn...)}}, `CN=\C3\BC\E2\82\ACa`, `/CN=\x00\xFC \xAC\x00a`},
		{[]attributeSET{{part(asn1.TagT61String, "\xfc", cn...)}}, `CN=\C3\BC`, `/CN=\xFC`},
		{[]attributeSET{{part(ia5, "a@b", 1, 2, 840, 113549, 1, 9, 1)}}, "emailAddress=a@b", "/emailAddress=a@b"},
		{[]attributeSET{{part(utf8, "foo", 1, 2, 3, 4, 5)}, {part(utf8, "ORG", 2, 5, 4, 97)}, {part(utf8, "US", 1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3)}},
			"jurisdictionC=US,organizationIdentifier=ORG,1.2.3.4.5=#0C03666F6F", "/1.2.3.4.5=foo/organizationIdentifier=ORG/jurisdictionC=US"},
	} {
		raw, err := asn1.Marshal(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := nameRFC2253(raw); got != tt.rfc2253 {
			t.Errorf("RFC 2253: %s, want %s", got, tt.rfc2253)
		}
		if got := nameSlashed(raw); got != tt.legacy {
			t.Errorf("the old form: %s, want %s", got, tt.legacy)
		}
	}
}
