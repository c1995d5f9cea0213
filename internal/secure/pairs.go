package secure

import (
	"container/list"
	"crypto/tls"
	"errors"
	"strings"
	"sync"
	"time"

	"hearth/internal/conf"
	"hearth/internal/loop"
	"hearth/internal/text"
)

// Keeping is how long certificates that are loaded by a handshake are kept: *_certificate_cache. The zero value keeps none.
type Keeping struct {
	Max      int           // how many, with their keys; the least recently used one goes
	Inactive time.Duration // one is dropped that nobody has asked for so long
	Valid    time.Duration // and read again after so long
}

// ParseKeeping reads `off | max=N [inactive=time] [valid=time]`.
func ParseKeeping(c *conf.Cursor, args []string) (k Keeping, err error) {
	if len(args) == 1 && args[0] == "off" {
		return k, nil
	}
	k = Keeping{Inactive: 10 * time.Second, Valid: time.Minute}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		ok := false
		switch name {
		case "max":
			var n int64
			n, ok = text.ParseDecimal(value)
			k.Max, ok = int(n), ok && n > 0
		case "inactive":
			k.Inactive, ok = text.ParseSeconds(value)
		case "valid":
			k.Valid, ok = text.ParseSeconds(value)
		}
		if !ok {
			return k, c.Errorf("invalid parameter \"%s\"", arg)
		}
	}
	if k.Max == 0 {
		return k, errors.New("must have the \"max\" parameter")
	}
	return k, nil
}

// Pairs loads certificates with their keys when a handshake asks for them: those whose names have variables. All loops
// share it.
type Pairs struct {
	keep      Keeping
	passwords [][]byte

	mu     sync.Mutex
	byName map[pairName]*list.Element // of recent; guarded by mu
	recent list.List                  // *pair, the last asked for in front; guarded by mu
}

type pairName struct{ certificate, key string }

// pair is a certificate that has been loaded. Only used changes.
type pair struct {
	name   pairName
	cert   tls.Certificate
	loaded loop.Instant
	used   loop.Instant
}

// NewPairs keeps nothing yet.
func NewPairs(keep Keeping, passwords [][]byte) *Pairs {
	return &Pairs{keep: keep, passwords: passwords, byName: map[pairName]*list.Element{}}
}

// Load returns a certificate with its key, both by the names of files or data:PEM. It is called in a fiber of l, which waits
// while files are read. An error is what nginx logs, and is not kept.
func (p *Pairs) Load(l *loop.Loop, certificate, key string) (*tls.Certificate, error) {
	name := pairName{certificate, key}
	if cert := p.kept(name, l.Now()); cert != nil {
		return cert, nil
	}
	made := &pair{name: name}
	var err error
	l.Await(func() {
		made.cert, err = loadPair(File{Name: certificate}, File{Name: key}, p.passwords, "SSL_use_PrivateKey")
	})
	if err != nil {
		return nil, err
	}
	p.put(made, l.Now())
	return &made.cert, nil
}

// kept is the certificate of that name, if it may still be used.
func (p *Pairs) kept(name pairName, now loop.Instant) *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(now)
	e := p.byName[name]
	if e == nil || now.Sub(e.Value.(*pair).loaded) >= p.keep.Valid {
		return nil
	}
	e.Value.(*pair).used = now
	p.recent.MoveToFront(e)
	return &e.Value.(*pair).cert
}

// put keeps what has been loaded, in place of an older one.
func (p *Pairs) put(made *pair, now loop.Instant) {
	if p.keep.Max == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byName[made.name]; e != nil {
		p.remove(e)
	}
	made.loaded, made.used = now, now
	p.byName[made.name] = p.recent.PushFront(made)
	if p.recent.Len() > p.keep.Max {
		p.remove(p.recent.Back())
	}
}

// drop removes what nobody has asked for long enough. Loops' clocks differ by less than matters here. mu is held.
func (p *Pairs) drop(now loop.Instant) {
	for e := p.recent.Back(); e != nil && now.Sub(e.Value.(*pair).used) >= p.keep.Inactive; e = p.recent.Back() {
		p.remove(e)
	}
}

func (p *Pairs) remove(e *list.Element) {
	delete(p.byName, e.Value.(*pair).name)
	p.recent.Remove(e)
}
