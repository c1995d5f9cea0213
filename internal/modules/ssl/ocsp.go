package ssl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Asking an OCSP responder (RFC 6960) whether a certificate has been revoked: for stapling, and about clients. It blocks, so it is
// done off the loops.

const (
	ocspTimeout  = time.Minute // for one question, as in nginx
	ocspAnswer   = 64 << 10    // bytes of an answer, at most
	ocspSkew     = 5 * time.Minute
	ocspRetry    = 5 * time.Minute
	ocspRefresh  = time.Hour // a response is asked for again after so long even if it is good for longer
	ocspRequests = 32        // questions under way at once in the process
)

var (
	errHTTPOnly = errors.New("invalid URL prefix in OCSP responder")
	errStale    = errors.New("the OCSP response is not of now")
	errSigner   = errors.New("the OCSP response is signed by a certificate that is not for it")
)

var ocspSlots = make(chan struct{}, ocspRequests)

// ocspClient keeps no connections: a responder is asked once an hour.
var ocspClient = &http.Client{Timeout: ocspTimeout, Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil}}

// askOCSP asks the responder at address about cert, and returns the answer as it came and what is in it, both checked: it is of
// now, and signed by the issuer or by whom the issuer lets sign. What it says of the certificate is the caller's to look at.
func askOCSP(address string, cert, issuer *x509.Certificate) ([]byte, *ocsp.Response, error) {
	ocspSlots <- struct{}{}
	defer func() { <-ocspSlots }()
	question, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), ocspTimeout)
	defer cancel()
	// RFC 6960, appendix A.1: the question goes into the path.
	get := strings.TrimSuffix(address, "/") + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(question))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, get, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := ocspClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("OCSP responder sent status %d", answer.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, ocspAnswer))
	if err != nil {
		return nil, nil, err
	}
	said, err := readOCSP(raw, cert, issuer, time.Now())
	return raw, said, err
}

// readOCSP checks an answer about cert.
func readOCSP(raw []byte, cert, issuer *x509.Certificate, now time.Time) (*ocsp.Response, error) {
	said, err := ocsp.ParseResponseForCert(raw, cert, issuer)
	if err != nil {
		return nil, err
	}
	if signer := said.Certificate; signer != nil && !bytes.Equal(signer.Raw, issuer.Raw) && !signsOCSP(signer, now) {
		return nil, errSigner
	}
	if now.Before(said.ThisUpdate.Add(-ocspSkew)) || !said.NextUpdate.IsZero() && now.After(said.NextUpdate.Add(ocspSkew)) {
		return nil, errStale
	}
	return said, nil
}

// signsOCSP: the issuer has said so in the certificate (RFC 6960, 4.2.2.2).
func signsOCSP(c *x509.Certificate, now time.Time) bool {
	if now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return false
	}
	for _, usage := range c.ExtKeyUsage {
		if usage == x509.ExtKeyUsageOCSPSigning {
			return true
		}
	}
	return false
}

// validUntil is how long an answer holds.
func validUntil(said *ocsp.Response, now time.Time) time.Time {
	if said.NextUpdate.IsZero() { // newer ones are there all the time
		return now.Add(ocspRefresh)
	}
	return said.NextUpdate
}

// responderOf is the address to ask about a certificate: the configured one, or the certificate's own. "" = there is none.
func responderOf(configured string, cert *x509.Certificate) (string, error) {
	address := configured
	if address == "" && len(cert.OCSPServer) > 0 {
		address = cert.OCSPServer[0]
	}
	if address != "" && !isHTTP(address) {
		return address, errHTTPOnly
	}
	return address, nil
}

func isHTTP(address string) bool {
	return len(address) > 7 && strings.EqualFold(address[:7], "http://")
}
