package peertls

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/secure"
)

// Settings are what the directives of a block say.
type Settings struct {
	said
	commands []secure.Command
}

// said can be compared: two blocks that inherit everything say the same.
type said struct {
	certificate, key source
	keeping          secure.Keeping
	passwords        secure.File
	ciphers          secure.File // no file: the list, and where it stands
	trusted, crl     secure.File
	keyLog           secure.File
	name             *core.Value
	protocols        secure.ProtocolSet
	serverName       bool
	reuse            bool
	verify           bool
	depth            int
}

// source is where a certificate or key is: a file or data:, or a name with variables.
type source struct {
	file  secure.File
	value *core.Value // with variables; nil otherwise
	dir   string      // what such a name is relative to
}

func (s source) isSet() bool { return s.value != nil || s.file.IsSet() }

// Rows are the directives: prefix is what their names begin with ("proxy"), at is where a block keeps what they say.
func Rows[C any](slot *conf.Slot[C], prefix string, at func(*C) *Settings) []conf.Directive {
	row := func(name, value, doc string) conf.Directive {
		return conf.Directive{Name: prefix + "_ssl_" + name, In: conf.ToLocation, Default: value, Doc: doc}
	}
	name := row("name", "", "The name that the server's certificate has to be for, and that is sent; by default the host of "+prefix+"_pass.")
	if prefix == "proxy" {
		name.Default = proxyHost
	}
	several := func(d conf.Directive, arity conf.Arity) conf.Directive { d.Args = arity; return d }
	return []conf.Directive{
		conf.Field(slot, row("certificate", "", "File with the certificate that hearth shows to servers, or data:PEM."),
			parseSource, func(c *C) *source { return &at(c).certificate }),
		conf.Field(slot, row("certificate_key", "", "File with the key of that certificate, or data:PEM."),
			parseSource, func(c *C) *source { return &at(c).key }),
		conf.Field(slot, several(row("certificate_cache", "off", "Keeps certificates whose names have variables: max=N [inactive=time] [valid=time]."), conf.Take123),
			secure.ParseKeeping, func(c *C) *secure.Keeping { return &at(c).keeping }),
		conf.Field(slot, row("password_file", "", "File with the passwords of keys, one a line."),
			secure.ParsePasswords, func(c *C) *secure.File { return &at(c).passwords }),
		conf.Field(slot, row("ciphers", "DEFAULT", "Cipher suites up to TLS 1.2, as an OpenSSL cipher list. Their order is always the one Go thinks best."),
			secure.ParseWord, func(c *C) *secure.File { return &at(c).ciphers }),
		conf.List(slot, several(row("conf_command", "", "OpenSSL settings: MinProtocol and MaxProtocol are obeyed; Options, Ciphersuites and SignatureAlgorithms have no effect."), conf.Take2),
			secure.ParseCommand, func(c *C) *[]secure.Command { return &at(c).commands }),
		conf.Field(slot, row("crl", "", "File with revocation lists; every authority of a chain must have a current one."),
			secure.ParseFile, func(c *C) *secure.File { return &at(c).crl }),
		conf.Field(slot, row("key_log", "", "File to which the secrets of connections are written, for decrypting recorded traffic."),
			secure.ParseFile, func(c *C) *secure.File { return &at(c).keyLog }),
		conf.Field(slot, name,
			core.ParseValue, func(c *C) **core.Value { return &at(c).name }),
		conf.BitSet(slot, several(row("protocols", "TLSv1.2 TLSv1.3", "Versions of TLS; SSLv2 and SSLv3 do not exist here."), conf.OneMore),
			secure.ProtocolNames, func(c *C) *secure.ProtocolSet { return &at(c).protocols }),
		conf.Field(slot, row("server_name", "off", "Sends the name in the handshake (SNI)."),
			conf.Flag, func(c *C) *bool { return &at(c).serverName }),
		conf.Field(slot, row("session_reuse", "on", "Resumes sessions, each with the server that it was made with."),
			conf.Flag, func(c *C) *bool { return &at(c).reuse }),
		conf.Field(slot, row("trusted_certificate", "", "File with the authorities of servers' certificates."),
			secure.ParseFile, func(c *C) *secure.File { return &at(c).trusted }),
		conf.Field(slot, row("verify", "off", "Verifies servers' certificates."),
			conf.Flag, func(c *C) *bool { return &at(c).verify }),
		conf.Field(slot, row("verify_depth", "1", "How many authorities may stand between a server's certificate and its root."),
			conf.Num, func(c *C) *int { return &at(c).depth }),
	}
}

// proxyHost is the documented default of proxy_ssl_name: the host, without its port.
const proxyHost = "$proxy_host"

// parseSource takes the place of a certificate or key.
func parseSource(c *conf.Cursor, args []string) (source, error) {
	value, err := core.CompileValue(c, args[0])
	if err != nil {
		return source{}, err
	}
	if _, fixed := value.Literal(); fixed {
		file, err := secure.ParseSource(c, args)
		return source{file: file}, err
	}
	return source{value: value, dir: c.FullPath("", true)}, nil
}

// eval is the place for one request; "" = none.
func (s source) eval(r *core.Request, dst []byte) []byte {
	if s.value == nil {
		return append(dst, s.file.Name...)
	}
	name := s.value.Eval(r)
	if len(name) > 0 && name[0] != '/' && !strings.HasPrefix(string(name), "data:") {
		dst = append(dst, s.dir...)
	}
	return append(dst, name...)
}
