package ssl

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ocsp"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/secure"
)

// staple is the OCSP response that goes out with a certificate (RFC 6066, 8). It is asked for when a handshake first wants it,
// and again before it ends; a handshake does not wait for that, and goes without while there is none. All loops share it, and it
// outlives a reload.
type staple struct {
	leaf, issuer *x509.Certificate
	responder    string
	now          atomic.Pointer[stapled]
	next         atomic.Int64 // when to ask, in seconds since 1970
	asking       atomic.Bool

	mu  sync.Mutex     // held while log is written to: once useLog has returned, nothing writes to the log before
	log *logs.ErrorLog // of the newest generation that uses it; guarded by mu
}

// stapled is a response, as it is sent.
type stapled struct {
	raw   []byte
	until time.Time // zero: of a file, for ever
}

// give returns the response for a handshake; nil = none.
func (s *staple) give(now time.Time) []byte {
	if s == nil {
		return nil
	}
	if s.responder != "" && now.Unix() >= s.next.Load() && s.asking.CompareAndSwap(false, true) {
		go s.refresh()
	}
	if r := s.now.Load(); r != nil && (r.until.IsZero() || now.Before(r.until)) {
		return r.raw
	}
	return nil
}

// refresh asks the responder. One goroutine does at a time.
func (s *staple) refresh() {
	defer s.asking.Store(false)
	raw, said, err := askOCSP(s.responder, s.leaf, s.issuer)
	if err == nil && said.Status != ocsp.Good {
		err = fmt.Errorf("certificate status \"%s\" in the OCSP response", statusName(said.Status))
	}
	now := time.Now()
	if err != nil {
		s.next.Store(now.Add(ocspRetry).Unix())
		s.complain(now, err)
		return
	}
	until := validUntil(said, now)
	s.now.Store(&stapled{raw, until})
	s.next.Store(nextAsk(now, until).Unix())
}

func (s *staple) complain(now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log != nil && s.log.Enabled(logs.Error) {
		s.log.Log(logs.Origin{Now: now}, logs.Error, fmt.Sprintf("%s while requesting certificate status, responder: %s, certificate: \"%s\"",
			err, s.responder, s.leaf.Subject))
	}
}

func (s *staple) useLog(log *logs.ErrorLog) {
	s.mu.Lock()
	s.log = log
	s.mu.Unlock()
}

// nextAsk is five minutes before the response ends, but not sooner than in five minutes, and within an hour.
func nextAsk(now, until time.Time) time.Time {
	next := until.Add(-ocspRetry)
	if most := now.Add(ocspRefresh); next.After(most) {
		next = most
	}
	if least := now.Add(ocspRetry); next.Before(least) {
		next = least
	}
	return next
}

func statusName(status int) string {
	switch status {
	case ocsp.Good:
		return "good"
	case ocsp.Revoked:
		return "revoked"
	}
	return "unknown"
}

// staple makes what a certificate needs for stapling; nil, with a warning, where there is nobody to ask.
func (s *settings) staple(c *conf.Cursor, f secure.File, chain []*x509.Certificate) (*staple, error) {
	if s.staplingFile.IsSet() {
		return stapleFile(s.staplingFile)
	}
	ignored := func(format string, args ...any) (*staple, error) {
		c.Warnf("\"ssl_stapling\" ignored, %s", fmt.Sprintf(format, args...))
		return nil, nil
	}
	issuer := issuerOf(chain, s.trustedList)
	if issuer == nil {
		return ignored("issuer certificate not found for certificate \"%s\"", f.Shown())
	}
	responder, err := responderOf(s.responder, chain[0])
	switch {
	case err != nil:
		return ignored("%s \"%s\" in the certificate \"%s\"", err, responder, f.Shown())
	case responder == "":
		return ignored("no OCSP responder URL in the certificate \"%s\"", f.Shown())
	}
	return &staple{leaf: chain[0], issuer: issuer, responder: responder}, nil
}

// stapleFile reads ssl_stapling_file.
func stapleFile(f secure.File) (*staple, error) {
	raw, err := f.Read()
	if err != nil {
		return nil, f.Pos.Errorf("BIO_new_file(\"%s\") failed (%s)", f.Name, secure.OpenSSLError(f.Name, err))
	}
	if _, err := ocsp.ParseResponse(raw, nil); err != nil {
		return nil, f.Pos.Errorf("d2i_OCSP_RESPONSE_bio(\"%s\") failed (SSL: %s)", f.Name, err)
	}
	s := new(staple)
	s.now.Store(&stapled{raw: raw})
	return s, nil
}

// issuerOf looks for who has signed chain[0], in the chain and among others.
func issuerOf(chain, others []*x509.Certificate) *x509.Certificate {
	for _, list := range [][]*x509.Certificate{chain[1:], others} {
		for _, c := range list {
			if bytes.Equal(c.RawSubject, chain[0].RawIssuer) && chain[0].CheckSignatureFrom(c) == nil {
				return c
			}
		}
	}
	return nil
}

// carry is the staple that the generation before has for the same question, or s.
func (s *staple) carry(g *core.Generation) *staple {
	if s == nil || s.responder == "" {
		return s
	}
	key := sha256.Sum256(append([]byte(s.responder+"\x00"), s.leaf.Raw...))
	return core.Carry(g.Carried, "ssl_stapling", hex.EncodeToString(key[:]), func() *staple { return s })
}
