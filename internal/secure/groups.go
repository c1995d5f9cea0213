package secure

import (
	"crypto/tls"
	"errors"
	"strings"
)

// groupNames are OpenSSL's names of the groups that Go has, in lower case.
var groupNames = map[string]tls.CurveID{
	"prime256v1": tls.CurveP256, "p-256": tls.CurveP256, "secp256r1": tls.CurveP256,
	"secp384r1": tls.CurveP384, "p-384": tls.CurveP384,
	"secp521r1": tls.CurveP521, "p-521": tls.CurveP521,
	"x25519": tls.X25519, "x25519mlkem768": tls.X25519MLKEM768,
	"secp256r1mlkem768": tls.SecP256r1MLKEM768, "secp384r1mlkem1024": tls.SecP384r1MLKEM1024,
}

var groupNamed = map[tls.CurveID]string{
	tls.CurveP256: "prime256v1", tls.CurveP384: "secp384r1", tls.CurveP521: "secp521r1", tls.X25519: "X25519",
	tls.X25519MLKEM768: "X25519MLKEM768", tls.SecP256r1MLKEM768: "SecP256r1MLKEM768", tls.SecP384r1MLKEM1024: "SecP384r1MLKEM1024",
}

// GroupName is OpenSSL's name of a group; "" = none that Go has.
func GroupName(id tls.CurveID) string { return groupNamed[id] }

// otherGroups are groups that OpenSSL has and Go has not: they are left out.
var otherGroups = map[string]bool{
	"x448": true, "secp224r1": true, "p-224": true, "secp256k1": true, "secp192r1": true, "prime192v1": true, "brainpoolp256r1": true,
	"brainpoolp384r1": true, "brainpoolp512r1": true, "ffdhe2048": true, "ffdhe3072": true, "ffdhe4096": true, "ffdhe6144": true, "ffdhe8192": true,
}

var (
	errUnknownGroup = errors.New("unknown group")
	errNoGroup      = errors.New("no group that hearth has")
)

// ParseGroups reads OpenSSL's list of groups (SSL_CTX_set1_groups_list); nil = Go's own choice ("auto").
func ParseGroups(list string) ([]tls.CurveID, error) {
	if list == "auto" {
		return nil, nil
	}
	var groups []tls.CurveID
	for name := range strings.SplitSeq(strings.ToLower(list), ":") {
		name, optional := strings.CutPrefix(name, "?")
		id, ok := groupNames[name]
		switch {
		case ok:
			groups = append(groups, id)
		case !optional && !otherGroups[name]:
			return nil, errUnknownGroup
		}
	}
	if len(groups) == 0 {
		return nil, errNoGroup
	}
	return groups, nil
}
