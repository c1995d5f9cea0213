package secure

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
)

// suite is a cipher suite up to TLS 1.2 that Go has, as the cipher list of OpenSSL (ciphers(1)) sees it: tags are the words
// that select it.
type suite struct {
	id   uint16
	name string // OpenSSL's
	tags string
}

// suites are in OpenSSL's default order: stronger first.
var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA AES AES256 AESGCM SHA384 AEAD"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aRSA AES AES256 AESGCM SHA384 AEAD"},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA CHACHA20 AEAD"},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aRSA CHACHA20 AEAD"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA AES AES128 AESGCM SHA256 AEAD"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aRSA AES AES128 AESGCM SHA256 AEAD"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA AES AES128 SHA256"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", "HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH ECDH aRSA AES AES128 SHA256"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", "HIGH TLSv1 SSLv3 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA AES AES256 SHA1 SHA"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", "HIGH TLSv1 SSLv3 ECDHE EECDH kECDHE kEECDH ECDH aRSA AES AES256 SHA1 SHA"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", "HIGH TLSv1 SSLv3 ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA AES AES128 SHA1 SHA"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", "HIGH TLSv1 SSLv3 ECDHE EECDH kECDHE kEECDH ECDH aRSA AES AES128 SHA1 SHA"},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", "HIGH TLSv1.2 RSA kRSA aRSA AES AES256 AESGCM SHA384 AEAD"},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", "HIGH TLSv1.2 RSA kRSA aRSA AES AES128 AESGCM SHA256 AEAD"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", "HIGH TLSv1.2 RSA kRSA aRSA AES AES128 SHA256"},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", "HIGH SSLv3 RSA kRSA aRSA AES AES256 SHA1 SHA"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", "HIGH SSLv3 RSA kRSA aRSA AES AES128 SHA1 SHA"},
	{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "ECDHE-RSA-DES-CBC3-SHA", "MEDIUM TLSv1 SSLv3 ECDHE EECDH kECDHE kEECDH ECDH aRSA 3DES SHA1 SHA"},
	{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "DES-CBC3-SHA", "MEDIUM SSLv3 RSA kRSA aRSA 3DES SHA1 SHA"},
}

// suites13 are those of TLS 1.3, which no cipher list selects.
var suites13 = map[uint16]string{
	tls.TLS_AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256", tls.TLS_AES_256_GCM_SHA384: "TLS_AES_256_GCM_SHA384",
	tls.TLS_CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",
}

// SuiteName is OpenSSL's name of a suite: $ssl_cipher.
func SuiteName(id uint16) string {
	if name, ok := suites13[id]; ok {
		return name
	}
	if i := slices.IndexFunc(suites, func(s suite) bool { return s.id == id }); i >= 0 {
		return suites[i].name
	}
	return ""
}

var errNoCipher = errors.New("no cipher match")

// ParseCiphers reads an OpenSSL cipher list (ciphers(1)). Words that nothing is known by select nothing, as there. The order that
// the list asks for is worked out but without effect: crypto/tls has its own.
func ParseCiphers(list string) ([]uint16, error) {
	var chosen []uint16
	killed := map[uint16]bool{}
	words := strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' })
	for i, w := range words {
		op := byte(0)
		if strings.IndexByte("!-+@", w[0]) >= 0 {
			op, w = w[0], w[1:]
		}
		switch op {
		case '@': // STRENGTH, SECLEVEL=n: order, and what Go never offers anyway
			if w != "STRENGTH" && !strings.HasPrefix(w, "SECLEVEL=") {
				return nil, errNoCipher
			}
			continue
		case 0:
			if w == "DEFAULT" && i == 0 {
				chosen = expand("ALL")
				continue
			}
		}
		for _, id := range expand(w) {
			at := slices.Index(chosen, id)
			switch op {
			case '!':
				killed[id] = true
				fallthrough
			case '-':
				if at >= 0 {
					chosen = slices.Delete(chosen, at, at+1)
				}
			case '+':
				if at >= 0 {
					chosen = append(slices.Delete(chosen, at, at+1), id)
				}
			default:
				if at < 0 && !killed[id] {
					chosen = append(chosen, id)
				}
			}
		}
	}
	if len(chosen) == 0 {
		return nil, errNoCipher
	}
	return chosen, nil
}

// expand is the suites that a word selects: a name, or words joined by "+" that must all apply.
func expand(word string) []uint16 {
	var ids []uint16
	for i := range suites {
		if suites[i].matches(word) {
			ids = append(ids, suites[i].id)
		}
	}
	return ids
}

func (s *suite) matches(word string) bool {
	if word == s.name || standardName(s.id) == word {
		return true
	}
	for part := range strings.SplitSeq(word, "+") {
		if !s.hasTag(part) {
			return false
		}
	}
	return true
}

func (s *suite) hasTag(tag string) bool {
	switch tag {
	case "ALL", "COMPLEMENTOFDEFAULT":
		return tag == "ALL"
	}
	for t := range strings.FieldsSeq(s.tags) {
		if t == tag {
			return true
		}
	}
	return false
}

// standardName is the name in RFCs, which OpenSSL takes too.
func standardName(id uint16) string {
	name := tls.CipherSuiteName(id)
	if name == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" || name == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" {
		name += "_SHA256"
	}
	return name
}

// SetCiphers gives a configuration the suites of an OpenSSL cipher list.
func SetCiphers(list File, config *tls.Config) error {
	suites, err := ParseCiphers(list.Name)
	if err != nil {
		return list.Pos.Errorf("SSL_CTX_set_cipher_list(\"%s\") failed (SSL: error:0A0000B9:SSL routines::no cipher match)", list.Name)
	}
	config.CipherSuites = suites
	return nil
}
