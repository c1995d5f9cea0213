package secure

import (
	"crypto/tls"
	"strings"

	"hearth/internal/conf"
)

// ProtocolSet is a set of versions of TLS.
type ProtocolSet uint8

const (
	SSLv2 ProtocolSet = 1 << iota
	SSLv3
	TLSv1
	TLSv11
	TLSv12
	TLSv13
)

// ProtocolNames are the words of ssl_protocols and its like.
var ProtocolNames = map[string]ProtocolSet{
	"SSLv2": SSLv2, "SSLv3": SSLv3, "TLSv1": TLSv1, "TLSv1.1": TLSv11, "TLSv1.2": TLSv12, "TLSv1.3": TLSv13,
}

// versionsOf pairs the sets with crypto/tls's numbers, in order.
var versionsOf = []struct {
	set     ProtocolSet
	version uint16
	name    string // OpenSSL's, as in $ssl_protocol
}{
	{TLSv1, tls.VersionTLS10, "TLSv1"},
	{TLSv11, tls.VersionTLS11, "TLSv1.1"},
	{TLSv12, tls.VersionTLS12, "TLSv1.2"},
	{TLSv13, tls.VersionTLS13, "TLSv1.3"},
}

// VersionName is OpenSSL's name of one of crypto/tls's versions.
func VersionName(version uint16) string {
	for _, v := range versionsOf {
		if v.version == version {
			return v.name
		}
	}
	return ""
}

// SetVersions gives a configuration the range of versions that the set and the commands leave. crypto/tls knows ranges only, so
// what lies below a gap in the set is left out, with a warning. directive names the set's, for the error.
func (set ProtocolSet) SetVersions(c *conf.Cursor, directive string, commands []Command, config *tls.Config) error {
	low, high := commandVersions(commands)
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
		return c.Errorf("no protocol of \"%s\" is available", directive)
	}
	return nil
}

// Command is an ssl_conf_command, or its like: a setting in OpenSSL's words (SSL_CONF_cmd(3)).
type Command struct {
	Name, Value string // the name in lower case
	Pos         conf.Pos
}

// ParseCommand reads one. What hearth cannot obey is refused, unless it cannot weaken anything.
func ParseCommand(c *conf.Cursor, args []string) (Command, error) {
	cmd := Command{strings.ToLower(args[0]), args[1], c.Pos()}
	switch cmd.Name {
	case "minprotocol", "maxprotocol":
		if _, ok := lookVersion(cmd.Value); !ok {
			return cmd, c.Errorf("SSL_CONF_cmd(\"%s\", \"%s\") failed (SSL: error:0A000180:SSL routines::bad value:cmd=%[1]s, value=%[2]s)", args[0], args[1])
		}
	case "options", "ciphersuites", "signaturealgorithms":
		c.Warnf("\"%s\" %s has no effect in hearth", c.Name(), args[0])
	default:
		return cmd, c.Errorf("\"%s\" %s is not supported by hearth yet", c.Name(), args[0])
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

func commandVersions(commands []Command) (low, high uint16) {
	for _, cmd := range commands {
		switch cmd.Name {
		case "minprotocol":
			low, _ = lookVersion(cmd.Value)
		case "maxprotocol":
			high, _ = lookVersion(cmd.Value)
		}
	}
	return low, high
}
