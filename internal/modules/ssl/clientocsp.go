package ssl

import (
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// ocspMode is ssl_ocsp: of which certificates of a client's chain the responders are asked.
type ocspMode uint8

const (
	ocspOff  ocspMode = iota
	ocspOn            // all but the root
	ocspLeaf          // the client's own
)

var ocspModes = map[string]ocspMode{"off": ocspOff, "on": ocspOn, "leaf": ocspLeaf}

// clientOCSP asks about the certificates of clients.
type clientOCSP struct {
	mode      ocspMode
	responder string
	cacheName string
	cacheSize int64      // bytes; 0 = no cache
	cache     *ocspCache // nil: none
}

// What nginx says of clients that did not pass.
const (
	ocspRevoked = "certificate revoked"
	ocspFailed  = "certificate status request failed"
)

// check returns "" if the certificates of a verified chain are good. It waits for the responders, in the request's fiber.
func (o *clientOCSP) check(r *core.Request, chain []*x509.Certificate) string {
	now := r.Loop.Wall()
	for i, cert := range chain[:len(chain)-1] {
		if i > 0 && o.mode == ocspLeaf {
			break
		}
		if why := o.checkOne(r, cert, chain[i+1], now); why != "" {
			return why
		}
	}
	return ""
}

func (o *clientOCSP) checkOne(r *core.Request, cert, issuer *x509.Certificate, now time.Time) string {
	responder, err := responderOf(o.responder, cert)
	if err != nil || responder == "" {
		return ocspFailed
	}
	key := ocspKeyOf(cert, issuer)
	status, known := o.cache.get(key, now)
	if !known {
		var said *ocsp.Response
		r.Loop.Await(func() { _, said, err = askOCSP(responder, cert, issuer) })
		if err != nil {
			return ocspFailed
		}
		status = said.Status
		o.cache.put(key, ocspEntry{status, validUntil(said, now)}, now)
	}
	switch status {
	case ocsp.Good:
		return ""
	case ocsp.Revoked:
		return ocspRevoked
	}
	return ocspFailed
}

type ocspKey [sha256.Size]byte

func ocspKeyOf(cert, issuer *x509.Certificate) (key ocspKey) {
	sum := sha256.New()
	sum.Write(issuer.Raw)
	sum.Write(cert.Raw)
	sum.Sum(key[:0])
	return key
}

type ocspEntry struct {
	status int
	until  time.Time
}

// ocspCache remembers answers. It is shared by all servers that name it, and outlives a reload.
type ocspCache struct {
	mu      sync.Mutex
	max     int
	entries map[ocspKey]ocspEntry // guarded by mu
}

// ocspEntrySize is about what an answer takes, in bytes.
const ocspEntrySize = 128

func newOCSPCache(size int64) *ocspCache {
	return &ocspCache{max: int(max(size/ocspEntrySize, 1)), entries: map[ocspKey]ocspEntry{}}
}

func (c *ocspCache) get(key ocspKey, now time.Time) (status int, known bool) {
	if c == nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e.status, ok && now.Before(e.until)
}

// put makes room, if there is none, by dropping what has ended, or else any answer: the next client asks again.
func (c *ocspCache) put(key ocspKey, e ocspEntry, now time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= c.max {
		for k, old := range c.entries {
			if !now.Before(old.until) {
				delete(c.entries, k)
			}
		}
		for k := range c.entries {
			if len(c.entries) < c.max {
				break
			}
			delete(c.entries, k)
		}
	}
	c.entries[key] = e
}

// ocspCacheName is `off | shared:name:size`.
type ocspCacheName struct {
	name string
	size int64
}

func parseOCSPCache(c *conf.Cursor, args []string) (cache ocspCacheName, err error) {
	if args[0] == "off" {
		return cache, nil
	}
	rest, shared := strings.CutPrefix(args[0], "shared:")
	name, size, sized := strings.Cut(rest, ":")
	n, ok := text.ParseSize(size)
	switch {
	case !shared || !sized || name == "" || !ok:
		return cache, c.Errorf("invalid OCSP cache \"%s\"", args[0])
	case n < minSharedCache:
		return cache, c.Errorf("OCSP cache \"%s\" is too small", args[0])
	}
	return ocspCacheName{name, n}, nil
}

// clientOCSP is what ssl_ocsp comes to; nil = off.
func (s *settings) clientOCSP() (*clientOCSP, error) {
	if s.ocsp == ocspOff {
		return nil, nil
	}
	if s.verify == verifyOptionalNoCA {
		return nil, errOCSPNoCA
	}
	if s.ocspResponder.IsSet() && !isHTTP(s.ocspResponder.Name) {
		return nil, s.ocspResponder.Pos.Errorf("%s \"%s\" in \"ssl_ocsp_responder\"", errHTTPOnly, s.ocspResponder.Name)
	}
	return &clientOCSP{mode: s.ocsp, responder: s.ocspResponder.Name, cacheName: s.ocspCache.name, cacheSize: s.ocspCache.size}, nil
}
