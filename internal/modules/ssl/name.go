package ssl

import (
	"encoding/asn1"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// attributeNames are OpenSSL's short names of the parts of a distinguished name.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.15": "businessCategory",
	"2.5.4.16": "postalAddress", "2.5.4.17": "postalCode", "2.5.4.18": "postOfficeBox", "2.5.4.19": "physicalDeliveryOfficeName",
	"2.5.4.20": "telephoneNumber", "2.5.4.23": "facsimileTelephoneNumber", "2.5.4.26": "registeredAddress", "2.5.4.27": "destinationIndicator",
	"2.5.4.31": "member", "2.5.4.32": "owner", "2.5.4.33": "roleOccupant", "2.5.4.34": "seeAlso", "2.5.4.41": "name", "2.5.4.42": "GN",
	"2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.45": "x500UniqueIdentifier", "2.5.4.46": "dnQualifier",
	"2.5.4.49": "distinguishedName", "2.5.4.50": "uniqueMember", "2.5.4.51": "houseIdentifier", "2.5.4.54": "dmdName", "2.5.4.65": "pseudonym",
	"2.5.4.72": "role", "2.5.4.97": "organizationIdentifier", "2.5.4.98": "c3", "2.5.4.99": "n3", "2.5.4.100": "dnsName",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.2": "textEncodedORAddress", "0.9.2342.19200300.100.1.3": "mail",
	"0.9.2342.19200300.100.1.4": "info", "0.9.2342.19200300.100.1.6": "roomNumber", "0.9.2342.19200300.100.1.8": "userClass",
	"0.9.2342.19200300.100.1.9": "host", "0.9.2342.19200300.100.1.10": "manager", "0.9.2342.19200300.100.1.20": "homeTelephoneNumber",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.37": "associatedDomain", "0.9.2342.19200300.100.1.39": "homePostalAddress",
	"0.9.2342.19200300.100.1.40": "personalTitle", "0.9.2342.19200300.100.1.41": "mobileTelephoneNumber", "0.9.2342.19200300.100.1.44": "uid",
	"0.9.2342.19200300.100.1.48": "buildingName", "1.2.840.113549.1.9.1": "emailAddress", "1.2.840.113549.1.9.2": "unstructuredName",
	"1.2.840.113549.1.9.7": "challengePassword", "1.2.840.113549.1.9.8": "unstructuredAddress", "1.2.840.113549.1.9.20": "friendlyName",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
	"1.2.643.100.1": "OGRN", "1.2.643.100.3": "SNILS", "1.2.643.100.5": "OGRNIP", "1.2.643.3.131.1.1": "INN",
}

// attribute is one part of a name, with its value as it is encoded: how that is shown depends on its type.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributeSET are the attributes of one part; encoding/asn1 knows a set by the type's name.
type attributeSET []attribute

func parseName(raw []byte) []attributeSET {
	var name []attributeSET
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return nil
	}
	return name
}

// nameRFC2253 writes a name by RFC 2253, in OpenSSL's way: from the last attribute to the first, those of one part too, special
// characters escaped, and in hexadecimal what is of an unknown kind.
func nameRFC2253(raw []byte) string {
	var b strings.Builder
	name := parseName(raw)
	for i := len(name) - 1; i >= 0; i-- {
		for j := len(name[i]) - 1; j >= 0; j-- {
			switch {
			case j < len(name[i])-1:
				b.WriteByte('+')
			case i < len(name)-1:
				b.WriteByte(',')
			}
			a := name[i][j]
			key, known := a.name()
			value, isText := a.text()
			if known && isText {
				value = escapeRFC2253(value)
			} else {
				value = fmt.Sprintf("#%X", a.Value.FullBytes)
			}
			b.WriteString(key + "=" + value)
		}
	}
	return b.String()
}

// nameSlashed writes a name in OpenSSL's old form: /C=AU/O=One. The bytes are shown as they are encoded.
func nameSlashed(raw []byte) string {
	var b strings.Builder
	for _, set := range parseName(raw) {
		for j, a := range set {
			b.WriteByte("/+"[min(j, 1)])
			key, _ := a.name()
			b.WriteString(key + "=")
			for _, c := range a.Value.Bytes {
				switch {
				case c < ' ' || c > '~':
					fmt.Fprintf(&b, "\\x%02X", c)
				case c == '/' || c == '+':
					b.WriteByte('\\')
					fallthrough
				default:
					b.WriteByte(c)
				}
			}
		}
	}
	return b.String()
}

// name is the attribute's, and whether it has one: otherwise it is its number.
func (a *attribute) name() (string, bool) {
	key := a.Type.String()
	name, ok := attributeNames[key]
	if !ok {
		return key, false
	}
	return name, true
}

// text is the value in UTF-8, if it is a string.
func (a *attribute) text() (string, bool) {
	b := a.Value.Bytes
	if a.Value.Class != asn1.ClassUniversal {
		return "", false
	}
	switch a.Value.Tag {
	case asn1.TagUTF8String:
		return string(b), utf8.Valid(b)
	case asn1.TagBMPString:
		if len(b)%2 != 0 {
			return "", false
		}
		units := make([]uint16, 0, len(b)/2)
		for ; len(b) > 0; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		return string(utf16.Decode(units)), true
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString, asn1.TagT61String, tagVisibleString:
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c) // for OpenSSL they are all Latin-1
		}
		return string(runes), true
	}
	return "", false
}

const tagVisibleString = 26

// escapeRFC2253 escapes what would end or change the value, control characters, and bytes beyond ASCII (as OpenSSL's
// XN_FLAG_RFC2253 does).
func escapeRFC2253(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%02X", c)
		case strings.IndexByte(",+\"\\<>;", c) >= 0, i == 0 && (c == '#' || c == ' '), i == len(s)-1 && c == ' ':
			b.WriteString("\\" + string(rune(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
