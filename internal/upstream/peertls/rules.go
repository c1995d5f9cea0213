package peertls

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/secure"
)

// Rules are what settings come to: how connections are secured, with the files read. Nothing of them changes but the list of
// targets.
type Rules struct {
	config     *tls.Config   // without what is a target's
	trust      *secure.Trust // nil: certificates are not verified
	literal    *string       // the name, or:
	name       *core.Value   // nil: the group's
	serverName bool
	own        *tls.Certificate // what servers are shown; nil = nothing, or:
	from       [2]source        // where certificate and key are, by names with variables
	pairs      *secure.Pairs    // those of such names; nil = there are none
	sum        []byte           // digest of all that is fixed

	last    atomic.Pointer[Target] // where there is one only
	mu      sync.Mutex
	targets map[string]*Target // by what they are made from; guarded by mu
}

// compiled are the rules of a configuration, by the settings they were made from: a block that inherits all of them shares
// the rules, so a file of authorities is read once.
type compiled struct{ rules map[settingsKey]*Rules }

type settingsKey struct {
	said
	prefix, alpn string
	commands     *secure.Command // the first
	n            int
}

var compiledSlot = conf.NewSlot[compiled](conf.MainLevel)

// Rules compiles the settings of a block, in a Finish row. alpn are the protocols offered.
func (s *Settings) Rules(c *conf.Cursor, b *conf.Block, prefix string, alpn ...string) (*Rules, error) {
	known := compiledSlot.Of(b)
	key := settingsKey{said: s.said, prefix: prefix, alpn: strings.Join(alpn, ","), n: len(s.commands)}
	if len(s.commands) > 0 {
		key.commands = &s.commands[0]
	}
	if r := known.rules[key]; r != nil {
		return r, nil
	}
	r, err := s.compile(c, prefix, alpn)
	if err != nil {
		return nil, err
	}
	if known.rules == nil {
		known.rules = map[settingsKey]*Rules{}
	}
	known.rules[key] = r
	return r, nil
}

func (s *Settings) compile(c *conf.Cursor, prefix string, alpn []string) (*Rules, error) {
	r := &Rules{serverName: s.serverName, targets: map[string]*Target{}}
	if s.name != nil {
		switch name, literal := s.name.Literal(); {
		case literal:
			r.literal = &name
		case s.name.String() != proxyHost:
			r.name = s.name
		}
	}
	r.config = &tls.Config{
		InsecureSkipVerify:          true, // Target.verify does it, by nginx's rules and in OpenSSL's words
		NextProtos:                  alpn,
		SessionTicketsDisabled:      !s.reuse,
		DynamicRecordSizingDisabled: true,
	}
	if err := s.protocols.SetVersions(c, prefix+"_ssl_protocols", s.commands, r.config); err != nil {
		return nil, err
	}
	if err := secure.SetCiphers(s.ciphers, r.config); err != nil {
		return nil, err
	}
	if err := s.show(r, prefix); err != nil {
		return nil, err
	}
	if err := s.demand(r, prefix); err != nil {
		return nil, err
	}
	if err := s.logKeys(r); err != nil {
		return nil, err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%d %d %d %q %v %v\n", r.config.MinVersion, r.config.MaxVersion, r.config.CipherSuites, alpn, s.commands, s.serverName)
	if r.own != nil {
		fmt.Fprintf(sum, "own %x\n", r.own.Certificate)
	}
	if r.trust != nil {
		fmt.Fprintf(sum, "trust %x\n", r.trust.Digest())
	}
	r.sum = sum.Sum(nil)
	return r, nil
}

// show reads what servers are shown.
func (s *Settings) show(r *Rules, prefix string) error {
	if !s.certificate.isSet() {
		return nil
	}
	if !s.key.isSet() {
		f := s.certificate.file
		if s.certificate.value != nil {
			f.Name = s.certificate.value.String()
		}
		return f.Pos.Errorf("no \"%s_ssl_certificate_key\" is defined for certificate \"%s\"", prefix, f.Shown())
	}
	passwords, err := secure.ReadPasswords(s.passwords)
	if err != nil {
		return err
	}
	if s.certificate.value != nil || s.key.value != nil {
		r.from, r.pairs = [2]source{s.certificate, s.key}, secure.NewPairs(s.keeping, passwords)
		return nil
	}
	pair, err := secure.LoadPair(s.certificate.file, s.key.file, passwords)
	if err != nil {
		return err
	}
	r.own = &pair
	return nil
}

// demand reads what servers' certificates are held to.
func (s *Settings) demand(r *Rules, prefix string) error {
	if !s.verify {
		return nil
	}
	if !s.trusted.IsSet() {
		return fmt.Errorf("no %s_ssl_trusted_certificate for %s_ssl_verify", prefix, prefix)
	}
	r.trust = secure.NewTrust(s.depth, x509.ExtKeyUsageServerAuth)
	if _, err := r.trust.AddAuthorities(s.trusted); err != nil {
		return err
	}
	return r.trust.AddCRLs(s.crl)
}

// Fixed says that neither the name nor the certificate depends on the request.
func (r *Rules) Fixed() bool { return r.name == nil && r.pairs == nil }

// targetBound is how many targets rules know before they begin anew: names may come from requests.
const targetBound = 1024

// For is the target of a request whose *_pass has that host. Without variables the request may be nil.
func (r *Rules) For(req *core.Request, host string) *Target {
	if r.literal != nil {
		host = *r.literal
	}
	if t := r.last.Load(); t != nil && t.host == host && r.Fixed() {
		return t
	}
	var local [256]byte
	key := local[:0]
	if r.name != nil {
		key = append(key, r.name.Eval(req)...)
	} else {
		key = append(key, host...)
	}
	ends := [3]int{len(key)}
	for i := range r.from {
		if r.pairs != nil {
			key = r.from[i].eval(req, append(key, 0))
		}
		ends[i+1] = len(key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.targets[string(key)]
	if t == nil {
		t = r.newTarget(host, slices.Clone(key), ends)
		if len(r.targets) >= targetBound {
			clear(r.targets)
		}
		r.targets[string(key)] = t
	}
	if r.Fixed() {
		r.last.Store(t)
	}
	return t
}
