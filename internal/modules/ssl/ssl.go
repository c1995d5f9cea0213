// Package ssl is ngx_http_ssl_module: certificates, protocols, sessions and client certificates of servers, and the variables
// that tell of a TLS connection. It makes a crypto/tls configuration for each server; the handshake itself is package
// conn's and the frontend's, and when a request is asked for its certificate is core's business.
package ssl

import (
	"crypto/tls"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/secure"
)

// Module is the ssl module.
var Module = core.Module{
	Name:       "ngx_http_ssl_module",
	Directives: directives,
	Variables:  variables(),
	Init:       checkListeners,
}

// settings are what the directives of a server say.
type settings struct {
	certificates, keys []secure.File
	passwords          secure.File
	protocols          secure.ProtocolSet
	ciphers            secure.File // no file: the list, and where it stands
	curves             secure.File
	bufferSize         int64
	prefer             bool
	cache              string
	tickets            bool
	timeout            time.Duration
	ticketKeys         []secure.File
	verify             verifyMode
	depth              int
	clientCA, trusted  secure.File
	crl                secure.File
	reject             bool
	dhparam            secure.File
	commands           []secure.Command
}

var slot = conf.NewSlot[settings](conf.ServerLevel)

var directives = []conf.Directive{
	conf.List(slot, conf.Directive{Name: "ssl_certificate", In: conf.ToServer,
		Doc: "File with the server's certificate and those that lead to its root, or data:PEM; several for several kinds of keys."},
		certificateFile, func(s *settings) *[]secure.File { return &s.certificates }),
	conf.List(slot, conf.Directive{Name: "ssl_certificate_key", In: conf.ToServer,
		Doc: "File with the key of the certificate, or data:PEM; in the order of the certificates."},
		certificateFile, func(s *settings) *[]secure.File { return &s.keys }),
	conf.Field(slot, conf.Directive{Name: "ssl_password_file", In: conf.ToServer,
		Doc: "File with the passwords of keys, one a line."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.passwords }),
	conf.BitSet(slot, conf.Directive{Name: "ssl_protocols", In: conf.ToServer, Args: conf.OneMore, Default: "TLSv1.2 TLSv1.3",
		Doc: "Versions of TLS; SSLv2 and SSLv3 do not exist here."},
		secure.ProtocolNames, func(s *settings) *secure.ProtocolSet { return &s.protocols }),
	conf.Field(slot, conf.Directive{Name: "ssl_ciphers", In: conf.ToServer, Default: "HIGH:!aNULL:!MD5",
		Doc: "Cipher suites up to TLS 1.2, as an OpenSSL cipher list. Their order is always the one Go thinks best."},
		secure.ParseWord, func(s *settings) *secure.File { return &s.ciphers }),
	conf.Field(slot, conf.Directive{Name: "ssl_prefer_server_ciphers", In: conf.ToServer, Default: "off", NoEffect: true,
		Doc: "The order of suites is chosen by what the hardware of both sides does well."},
		conf.Flag, func(s *settings) *bool { return &s.prefer }),
	conf.Field(slot, conf.Directive{Name: "ssl_ecdh_curve", In: conf.ToServer, Default: "auto",
		Doc: "Groups for the key exchange, separated by colons."},
		secure.ParseWord, func(s *settings) *secure.File { return &s.curves }),
	conf.Field(slot, conf.Directive{Name: "ssl_buffer_size", In: conf.ToServer, Default: "16k",
		Doc: "Bytes sent in one TLS record; no more than 16k."},
		bufferSize, func(s *settings) *int64 { return &s.bufferSize }),
	conf.Field(slot, conf.Directive{Name: "ssl_session_cache", In: conf.ToServer, Args: conf.Take12, Default: "none", NoEffect: true,
		Doc: "Sessions are resumed by tickets alone, which need no memory here."},
		sessionCache, func(s *settings) *string { return &s.cache }),
	conf.Field(slot, conf.Directive{Name: "ssl_session_tickets", In: conf.ToServer, Default: "on",
		Doc: "Resumption of sessions by tickets."},
		conf.Flag, func(s *settings) *bool { return &s.tickets }),
	conf.Field(slot, conf.Directive{Name: "ssl_session_timeout", In: conf.ToServer, Default: "5m",
		Doc: "How long a session can be resumed."},
		conf.Sec, func(s *settings) *time.Duration { return &s.timeout }),
	conf.List(slot, conf.Directive{Name: "ssl_session_ticket_key", In: conf.ToServer,
		Doc: "File of 48 or 80 random bytes that the keys of tickets are made from; the first is for new ones."},
		secure.ParseFile, func(s *settings) *[]secure.File { return &s.ticketKeys }),
	conf.Field(slot, conf.Directive{Name: "ssl_client_certificate", In: conf.ToServer,
		Doc: "File with the authorities of client certificates; their names are sent to clients."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.clientCA }),
	conf.Field(slot, conf.Directive{Name: "ssl_trusted_certificate", In: conf.ToServer,
		Doc: "File with more authorities, whose names are not sent."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.trusted }),
	conf.Field(slot, conf.Directive{Name: "ssl_verify_client", In: conf.ToServer, Default: "off",
		Doc: "Whether clients have to have a certificate."},
		conf.Enum(verifyModes), func(s *settings) *verifyMode { return &s.verify }),
	conf.Field(slot, conf.Directive{Name: "ssl_verify_depth", In: conf.ToServer, Default: "1",
		Doc: "How many authorities may stand between a client certificate and its root."},
		conf.Num, func(s *settings) *int { return &s.depth }),
	conf.Field(slot, conf.Directive{Name: "ssl_crl", In: conf.ToServer,
		Doc: "File with revocation lists; every authority of a chain must have a current one."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.crl }),
	conf.Field(slot, conf.Directive{Name: "ssl_reject_handshake", In: conf.ToServer, Default: "off",
		Doc: "Refuse handshakes for the names of this server."},
		conf.Flag, func(s *settings) *bool { return &s.reject }),
	conf.Field(slot, conf.Directive{Name: "ssl_dhparam", In: conf.ToServer, NoEffect: true,
		Doc: "Key exchange by finite fields, which this was for, is not offered; the file is checked."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.dhparam }),
	conf.List(slot, conf.Directive{Name: "ssl_conf_command", In: conf.ToServer, Args: conf.Take2,
		Doc: "OpenSSL settings: MinProtocol and MaxProtocol are obeyed; Options, Ciphersuites and SignatureAlgorithms have no effect."},
		secure.ParseCommand, func(s *settings) *[]secure.Command { return &s.commands }),
	conf.Finish(slot, finish),
}

func bufferSize(c *conf.Cursor, args []string) (int64, error) {
	n, err := conf.Size(c, args)
	if err == nil && n == 0 {
		return 0, c.Errorf("\"ssl_buffer_size\" cannot be zero")
	}
	return n, err
}

// finish makes what a server's settings come to. The files are read now, while the configuration is: a reload sees new
// ones, and an error leaves the old configuration in force.
func finish(c *conf.Cursor, b *conf.Block, s *settings) error {
	if b.Kind != conf.Server {
		return nil
	}
	server := core.ServerOf(b)
	if len(s.certificates) == 0 && !s.reject {
		return nil
	}
	config, err := s.config(c)
	if err != nil {
		return err
	}
	rules, err := s.clientRules(config)
	if err != nil {
		return err
	}
	if err := s.sessions(config, rules); err != nil {
		return err
	}
	server.TLS = &core.ServerTLS{Config: config, RecordSize: int(min(s.bufferSize, 16<<10)), Verify: s.verify != verifyOff}
	if rules != nil {
		server.TLS.Admit = rules.admit
	}
	return nil
}

// config has everything of a server's TLS but sessions and client certificates.
func (s *settings) config(c *conf.Cursor) (*tls.Config, error) {
	config := &tls.Config{
		NextProtos:                  []string{"http/1.1", "http/1.0", "http/0.9"},
		DynamicRecordSizingDisabled: true, // nginx's records are of ssl_buffer_size from the first
	}
	if err := s.protocols.SetVersions(c, "ssl_protocols", s.commands, config); err != nil {
		return nil, err
	}
	if err := secure.SetCiphers(s.ciphers, config); err != nil {
		return nil, err
	}
	curves, err := secure.ParseGroups(s.curves.Name)
	if err != nil {
		return nil, s.curves.Pos.Errorf("SSL_CTX_set1_curves_list(\"%s\") failed (SSL: %s)", s.curves.Name, err)
	}
	config.CurvePreferences = curves
	if err := s.checkDHParam(); err != nil {
		return nil, err
	}
	if s.reject { // crypto/tls says unrecognized_name where there is no certificate at all
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
		return config, nil
	}
	certificates, err := s.load()
	if err != nil {
		return nil, err
	}
	config.GetCertificate = certificates.choose
	return config, nil
}

// checkListeners refuses addresses of TLS for which there is no certificate.
func checkListeners(g *core.Generation) error {
	for _, a := range g.Addresses() {
		if !a.Options.SSL {
			continue
		}
		if err := certified(a.Default); err != nil {
			return err
		}
		if !slot.Of(a.Default.Block).reject {
			continue
		}
		for _, s := range a.Servers() {
			if err := certified(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func certified(s *core.Server) error {
	if s.TLS != nil && s.TLS.Config != nil {
		return nil
	}
	return s.Block.Pos.Errorf("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive")
}
