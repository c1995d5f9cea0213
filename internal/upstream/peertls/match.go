package peertls

import (
	"crypto/x509"
	"net/netip"
	"strings"
)

// matches says whether a certificate is for a name, as OpenSSL's X509_check_host does, which nginx asks: the alternative names
// decide, and where there are none for hosts, the common names of the subject. In a wildcard "*" stands for the
// first label, or its beginning or end. Beyond that, an address matches one among the alternative names.
func matches(cert *x509.Certificate, name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return false
	}
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		for _, have := range cert.IPAddresses {
			if a, ok := netip.AddrFromSlice(have); ok && a.Unmap() == ip.Unmap() {
				return true
			}
		}
	}
	names := cert.DNSNames
	if len(names) == 0 {
		for _, attribute := range cert.Subject.Names {
			if attribute.Type.String() == commonName {
				if s, ok := attribute.Value.(string); ok {
					names = append(names, s)
				}
			}
		}
	}
	for _, pattern := range names {
		if matchesPattern(pattern, name) {
			return true
		}
	}
	return false
}

const commonName = "2.5.4.3"

func matchesPattern(pattern, name string) bool {
	if strings.EqualFold(pattern, name) {
		return true
	}
	first, rest, ok := strings.Cut(pattern, ".")
	before, after, wild := strings.Cut(first, "*")
	label, domain, ok2 := strings.Cut(name, ".")
	switch {
	case !ok || !wild || !ok2, before != "" && after != "", strings.Contains(after, "*"), !strings.Contains(rest, "."): // "*.com" is for nobody
		return false
	case !strings.EqualFold(rest, domain), len(label) < len(before)+len(after), label == "":
		return false
	case len(before)+len(after) > 0 && (isEncoded(first) || isEncoded(label)):
		return false // part of a label in Punycode means nothing
	}
	return strings.EqualFold(label[:len(before)], before) && strings.EqualFold(label[len(label)-len(after):], after)
}

func isEncoded(label string) bool { return len(label) >= 4 && strings.EqualFold(label[:4], "xn--") }
