package ssl

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// attributeNames are OpenSSL's short names of the parts of a distinguished name.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.17": "postalCode", "2.5.4.42": "GN",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}

func parseName(raw []byte) pkix.RDNSequence {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return nil
	}
	return name
}

// nameRFC2253 writes a name by RFC 2253: the last part first, and special characters escaped.
func nameRFC2253(raw []byte) string {
	var b strings.Builder
	name := parseName(raw)
	for i := len(name) - 1; i >= 0; i-- {
		if i < len(name)-1 {
			b.WriteByte(',')
		}
		for j, attribute := range name[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			key, value := attributeText(attribute)
			b.WriteString(key + "=" + escapeRFC2253(value))
		}
	}
	return b.String()
}

// nameSlashed writes a name in OpenSSL's old form: /C=AU/O=One.
func nameSlashed(raw []byte) string {
	var b strings.Builder
	for _, set := range parseName(raw) {
		for _, attribute := range set {
			key, value := attributeText(attribute)
			b.WriteString("/" + key + "=" + value)
		}
	}
	return b.String()
}

func attributeText(a pkix.AttributeTypeAndValue) (key, value string) {
	key, ok := attributeNames[a.Type.String()]
	if !ok {
		key = a.Type.String()
	}
	return key, fmt.Sprint(a.Value)
}

// escapeRFC2253 escapes what would end or change the value, control characters, and bytes beyond ASCII (as OpenSSL's
// XN_FLAG_RFC2253 does).
func escapeRFC2253(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < ' ' || c >= 0x7f:
			b.WriteString("\\" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		case strings.IndexByte(",+\"\\<>;", c) >= 0, i == 0 && (c == '#' || c == ' '), i == len(s)-1 && c == ' ':
			b.WriteString("\\" + string(rune(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
