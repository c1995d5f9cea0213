package ssl

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/text"
)

// protocolSet is a set of versions of TLS.
type protocolSet uint8

const (
	sslV2 protocolSet = 1 << iota
	sslV3
	tlsV1
	tlsV11
	tlsV12
	tlsV13
)

var protocolNames = map[string]protocolSet{
	"SSLv2": sslV2, "SSLv3": sslV3, "TLSv1": tlsV1, "TLSv1.1": tlsV11, "TLSv1.2": tlsV12, "TLSv1.3": tlsV13,
}

// versionsOf pairs the sets with crypto/tls's numbers, in order.
var versionsOf = []struct {
	set     protocolSet
	version uint16
	name    string // OpenSSL's, as in $ssl_protocol
}{
	{tlsV1, tls.VersionTLS10, "TLSv1"},
	{tlsV11, tls.VersionTLS11, "TLSv1.1"},
	{tlsV12, tls.VersionTLS12, "TLSv1.2"},
	{tlsV13, tls.VersionTLS13, "TLSv1.3"},
}

// versions sets the range of versions. crypto/tls knows ranges only, so a gap in the set is filled upwards from its top:
// what lies below the gap is left out.
func (s *settings) versions(c *conf.Cursor, config *tls.Config) error {
	set := s.protocols
	low, high, err := s.commandVersions()
	if err != nil {
		return err
	}
	for i := len(versionsOf) - 1; i >= 0; i-- {
		v := versionsOf[i]
		has := set&v.set != 0 && v.version >= low && (high == 0 || v.version <= high)
		switch {
		case has && config.MaxVersion == 0:
			config.MinVersion, config.MaxVersion = v.version, v.version
		case has && config.MinVersion == v.version+1:
			config.MinVersion = v.version
		case has:
			c.Warnf("protocol \"%s\" is left out, because the versions between it and those above are not enabled", v.name)
		}
	}
	if config.MaxVersion == 0 {
		return c.Errorf("no protocol of \"ssl_protocols\" is available")
	}
	return nil
}

// command is an ssl_conf_command.
type command struct {
	name, value string
	pos         conf.Pos
}

// confCommand reads an ssl_conf_command. One that hearth cannot obey is refused, unless it cannot weaken anything.
func confCommand(c *conf.Cursor, args []string) (command, error) {
	cmd := command{strings.ToLower(args[0]), args[1], c.Pos()}
	switch cmd.name {
	case "minprotocol", "maxprotocol":
		if _, ok := lookVersion(cmd.value); !ok {
			return cmd, c.Errorf("SSL_CONF_cmd(\"%s\", \"%s\") failed", args[0], args[1])
		}
	case "options", "ciphersuites", "signaturealgorithms":
		c.Warnf("\"ssl_conf_command\" %s has no effect in hearth", args[0])
	default:
		return cmd, c.Errorf("\"ssl_conf_command\" %s is not supported by hearth yet", args[0])
	}
	return cmd, nil
}

func lookVersion(name string) (uint16, bool) {
	if name == "None" {
		return 0, true
	}
	for _, v := range versionsOf {
		if v.name == name {
			return v.version, true
		}
	}
	return 0, false
}

func (s *settings) commandVersions() (low, high uint16, err error) {
	for _, cmd := range s.commands {
		switch cmd.name {
		case "minprotocol":
			low, _ = lookVersion(cmd.value)
		case "maxprotocol":
			high, _ = lookVersion(cmd.value)
		}
	}
	return low, high, nil
}

// curveNames are OpenSSL's names of the groups that Go has. curveNamed is what $ssl_curve calls one.
var curveNames = map[string]tls.CurveID{
	"prime256v1": tls.CurveP256, "p-256": tls.CurveP256, "secp256r1": tls.CurveP256,
	"secp384r1": tls.CurveP384, "p-384": tls.CurveP384,
	"secp521r1": tls.CurveP521, "p-521": tls.CurveP521,
	"x25519": tls.X25519, "x25519mlkem768": tls.X25519MLKEM768,
	"secp256r1mlkem768": tls.SecP256r1MLKEM768, "secp384r1mlkem1024": tls.SecP384r1MLKEM1024,
}

var curveNamed = map[tls.CurveID]string{
	tls.CurveP256: "prime256v1", tls.CurveP384: "secp384r1", tls.CurveP521: "secp521r1", tls.X25519: "X25519",
	tls.X25519MLKEM768: "X25519MLKEM768", tls.SecP256r1MLKEM768: "SecP256r1MLKEM768", tls.SecP384r1MLKEM1024: "SecP384r1MLKEM1024",
}

// otherCurves are groups that OpenSSL has and Go has not: they are left out.
var otherCurves = map[string]bool{
	"x448": true, "secp224r1": true, "p-224": true, "secp256k1": true, "secp192r1": true, "prime192v1": true, "brainpoolp256r1": true,
	"brainpoolp384r1": true, "brainpoolp512r1": true, "ffdhe2048": true, "ffdhe3072": true, "ffdhe4096": true, "ffdhe6144": true, "ffdhe8192": true,
}

var (
	errUnknownGroup = errors.New("unknown group")
	errNoGroup      = errors.New("no group that hearth has")
)

// parseCurves reads a list of groups; nil = Go's own choice (auto).
func parseCurves(list string) ([]tls.CurveID, error) {
	if list == "auto" {
		return nil, nil
	}
	var curves []tls.CurveID
	for name := range strings.SplitSeq(strings.ToLower(list), ":") {
		name, optional := strings.CutPrefix(name, "?")
		id, ok := curveNames[name]
		switch {
		case ok:
			curves = append(curves, id)
		case !optional && !otherCurves[name]:
			return nil, errUnknownGroup
		}
	}
	if len(curves) == 0 {
		return nil, errNoGroup
	}
	return curves, nil
}

func (s *settings) checkDHParam() error {
	f := s.dhparam
	if f.name == "" {
		return nil
	}
	data, err := os.ReadFile(f.name)
	if err != nil {
		return f.pos.Errorf("BIO_new_file(\"%s\") failed (%s)", f.name, opensslError(f.name, err))
	}
	if block, _ := pem.Decode(data); block == nil || block.Type != "DH PARAMETERS" && block.Type != "X9.42 DH PARAMETERS" {
		return f.pos.Errorf("PEM_read_bio_DHparams(\"%s\") failed", f.name)
	}
	return nil
}

// minSharedCache is nginx's least size of a shared cache: eight pages.
const minSharedCache = 8 * 4096

// sessionCache checks `off | none | [builtin[:size]] [shared:name:size]`.
func sessionCache(c *conf.Cursor, args []string) (string, error) {
	for _, arg := range args {
		kind, rest, sized := strings.Cut(arg, ":")
		ok := false
		switch kind {
		case "off", "none":
			ok = !sized
		case "builtin":
			n, number := text.ParseDecimal(rest)
			ok = !sized || number && n > 0
		case "shared":
			name, size, _ := strings.Cut(rest, ":")
			n, number := text.ParseSize(size)
			if ok = name != "" && number; ok && n < minSharedCache {
				return "", c.Errorf("session cache \"%s\" is too small", name)
			}
		}
		if !ok {
			return "", c.Errorf("invalid session cache \"%s\"", arg)
		}
	}
	return args[0], nil
}
