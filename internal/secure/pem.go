package secure

import (
	"crypto/x509"
	"encoding/pem"
	"iter"
	"strings"
)

// blocks are the PEM blocks of data whose type is wanted.
func blocks(data []byte, wanted func(kind string) bool) iter.Seq[*pem.Block] {
	return func(yield func(*pem.Block) bool) {
		for {
			var block *pem.Block
			if block, data = pem.Decode(data); block == nil || wanted(block.Type) && !yield(block) {
				return
			}
		}
	}
}

func isCertificate(kind string) bool { return kind == "CERTIFICATE" || kind == "X509 CERTIFICATE" }
func isKey(kind string) bool         { return strings.HasSuffix(kind, "PRIVATE KEY") }
func isCRL(kind string) bool         { return kind == "X509 CRL" }

// parseAll parses every wanted block. The first error ends it, with what there was before.
func parseAll[T any](data []byte, wanted func(string) bool, parse func([]byte) (T, error)) (list []T, err error) {
	for block := range blocks(data, wanted) {
		one, err := parse(block.Bytes)
		if err != nil {
			return list, err
		}
		list = append(list, one)
	}
	return list, nil
}

func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	return parseAll(data, isCertificate, x509.ParseCertificate)
}
