package peertls

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Target is to whom, and as whom, connections are made by some rules. There is one for all requests that agree in both, so it can be
// compared by its address. It does not change.
type Target struct {
	// Digest stands for everything that decides who is trusted: pool.Identity's TLS. Targets with the same one may share
	// connections and sessions, also those of different configurations.
	Digest string

	rules *Rules
	host  string    // of *_pass
	name  string    // that the certificate has to be for
	sni   string    // that is sent; "" = none
	own   [2]string // certificate and key, of rules where these have variables
}

// newTarget takes key apart again: name, certificate and key, which end at ends.
func (r *Rules) newTarget(host string, key []byte, ends [3]int) *Target {
	t := &Target{rules: r, host: host, name: withoutPort(string(key[:ends[0]]))}
	if r.serverName {
		t.sni = sendable(t.name)
	}
	if r.pairs != nil {
		t.own = [2]string{string(key[ends[0]+1 : ends[1]]), string(key[ends[1]+1 : ends[2]])}
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%x sni %q own %q\n", r.sum, t.sni, t.own)
	if r.trust != nil {
		fmt.Fprintf(sum, "name %q\n", t.name)
	}
	t.Digest = hex.EncodeToString(sum.Sum(nil))
	return t
}

// withoutPort cuts the port off, which a name from $proxy_host or $http_host may have.
func withoutPort(name string) string {
	from := 0
	if strings.HasPrefix(name, "[") {
		from = max(strings.IndexByte(name, ']'), 0)
	}
	if i := strings.IndexByte(name[from:], ':'); i >= 0 {
		return name[:from+i]
	}
	return name
}

// sendable is the name as SNI: "" for an address, which RFC 6066 (section 3) does not permit.
func sendable(name string) string {
	if _, err := netip.ParseAddr(name); err == nil || strings.HasPrefix(name, "[") {
		return ""
	}
	return name
}
