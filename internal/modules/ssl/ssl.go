// Package ssl is ngx_http_ssl_module: certificates, protocols, sessions and client certificates of servers, and the variables
// that tell of a TLS connection. It makes a crypto/tls configuration for each server; the handshake itself is package
// conn's and the frontend's, and when a request is asked for its certificate is core's business.
package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"iter"
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
	Init:       begin,
	Start:      start,
}

// settings are what the directives of a server say.
type settings struct {
	certificates, keys []source
	keeping            secure.Keeping
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
	stapling           bool
	staplingFile       secure.File
	responder          string
	staplingVerify     bool
	ocsp               ocspMode
	ocspCache          ocspCacheName
	ocspResponder      secure.File // no file: the address, and where it stands
	earlyData          bool
	compression        bool
	keyLog             secure.File

	trustedList []*x509.Certificate // of ssl_trusted_certificate
	serving     *serving
}

var slot = conf.NewSlot[settings](conf.ServerLevel)

var directives = []conf.Directive{
	conf.List(slot, conf.Directive{Name: "ssl_certificate", In: conf.ToServer,
		Doc: "File with the server's certificate and those that lead to its root, or data:PEM; several for several kinds of keys."},
		certificateSource, func(s *settings) *[]source { return &s.certificates }),
	conf.List(slot, conf.Directive{Name: "ssl_certificate_key", In: conf.ToServer,
		Doc: "File with the key of the certificate, or data:PEM; in the order of the certificates."},
		certificateSource, func(s *settings) *[]source { return &s.keys }),
	conf.Field(slot, conf.Directive{Name: "ssl_certificate_cache", In: conf.ToServer, Args: conf.Take123, Default: "off",
		Doc: "How many certificates whose names have variables are kept, and how long."},
		secure.ParseKeeping, func(s *settings) *secure.Keeping { return &s.keeping }),
	conf.Field(slot, conf.Directive{Name: "ssl_certificate_compression", In: conf.ToServer, Default: "off", NoEffect: true,
		Doc: "Certificates are sent as they are."},
		conf.Flag, func(s *settings) *bool { return &s.compression }),
	conf.Field(slot, conf.Directive{Name: "ssl_password_file", In: conf.ToServer,
		Doc: "File with the passwords of keys, one a line."},
		secure.ParsePasswords, func(s *settings) *secure.File { return &s.passwords }),
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
	conf.Field(slot, conf.Directive{Name: "ssl_session_cache", In: conf.ToServer, Args: conf.Take12, Default: "none", NoEffect: true, Again: true,
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
	conf.Field(slot, conf.Directive{Name: "ssl_stapling", In: conf.ToServer, Default: "off",
		Doc: "Send the OCSP response for the certificate with it; it is asked for in the background."},
		conf.Flag, func(s *settings) *bool { return &s.stapling }),
	conf.Field(slot, conf.Directive{Name: "ssl_stapling_file", In: conf.ToServer,
		Doc: "File with the OCSP response, instead of asking."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.staplingFile }),
	conf.Field(slot, conf.Directive{Name: "ssl_stapling_responder", In: conf.ToServer,
		Doc: "Address of the OCSP responder, instead of the certificate's."},
		conf.String, func(s *settings) *string { return &s.responder }),
	conf.Field(slot, conf.Directive{Name: "ssl_stapling_verify", In: conf.ToServer, Default: "off", NoEffect: true,
		Doc: "The signature of an OCSP response is always checked."},
		conf.Flag, func(s *settings) *bool { return &s.staplingVerify }),
	conf.Field(slot, conf.Directive{Name: "ssl_ocsp", In: conf.ToServer, Default: "off",
		Doc: "Ask OCSP responders about the certificates of clients: about all of the chain, or the client's own only."},
		conf.Enum(ocspModes), func(s *settings) *ocspMode { return &s.ocsp }),
	conf.Field(slot, conf.Directive{Name: "ssl_ocsp_cache", In: conf.ToServer, Default: "off",
		Doc: "Keep their answers, in memory of this size shared by all servers that give the same name."},
		parseOCSPCache, func(s *settings) *ocspCacheName { return &s.ocspCache }),
	conf.Field(slot, conf.Directive{Name: "ssl_ocsp_responder", In: conf.ToServer,
		Doc: "Address of the OCSP responder for clients, instead of their certificates'."},
		secure.ParseWord, func(s *settings) *secure.File { return &s.ocspResponder }),
	conf.Field(slot, conf.Directive{Name: "ssl_early_data", In: conf.ToServer, Default: "off", NoEffect: true,
		Doc: "Data before the handshake is done (0-RTT) is never accepted; clients send it again after it."},
		conf.Flag, func(s *settings) *bool { return &s.earlyData }),
	conf.Field(slot, conf.Directive{Name: "ssl_key_log", In: conf.ToServer,
		Doc: "File that secrets of connections are added to, in the format of SSLKEYLOGFILE: for debugging."},
		secure.ParseFile, func(s *settings) *secure.File { return &s.keyLog }),
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
	v := &serving{server: server}
	config, err := s.config(c)
	if err != nil {
		return err
	}
	rules, err := s.clientRules(config)
	if err != nil {
		return err
	}
	if err := v.load(c, s); err != nil {
		return err
	}
	config.GetCertificate = v.choose
	if s.reject { // crypto/tls says unrecognized_name where there is no certificate at all
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
	}
	v.rules = rules
	if v.secrets.name = s.keyLog; v.secrets.name.IsSet() {
		config.KeyLogWriter = &v.secrets
	}
	if err := v.sessions(config, s); err != nil {
		return err
	}
	s.serving = v
	server.TLS = &core.ServerTLS{Config: config, RecordSize: int(min(s.bufferSize, 16<<10)), Verify: s.verify != verifyOff}
	if rules != nil {
		server.TLS.Admit = rules.admit
	}
	return nil
}

// serving is what a server's settings have come to.
type serving struct {
	server       *core.Server
	gen          *core.Generation
	certificates []certificate
	rules        *clientRules // nil: clients need no certificate
	tickets      *tls.Config  // whose keys encrypt the tickets of sessions
	secrets      keyLog

	// With variables in the names of certificates:
	sources, keys []source
	pairs         *secure.Pairs
}

// config has everything of a server's TLS but certificates and sessions.
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
	return config, s.checkDHParam()
}

// begin finds what the generation before has left: keys of tickets, OCSP responses.
func begin(g *core.Generation) error {
	if err := checkListeners(g); err != nil {
		return err
	}
	for v := range servings(g) {
		v.gen = g
		v.carryTickets(g)
		if err := v.secrets.open(g); err != nil {
			return err
		}
		for i := range v.certificates {
			v.certificates[i].staple = v.certificates[i].staple.carry(g)
		}
		if v.rules != nil && v.rules.ocsp != nil && v.rules.ocsp.cacheSize > 0 {
			o := v.rules.ocsp
			o.cache = core.Carry(g.Carried, "ssl_ocsp_cache", o.cacheName, func() *ocspCache { return newOCSPCache(o.cacheSize) })
		}
	}
	return nil
}

// start has what is carried log to the new generation's files.
func start(g *core.Generation) {
	for v := range servings(g) {
		for i := range v.certificates {
			if staple := v.certificates[i].staple; staple != nil {
				staple.useLog(v.server.ErrorLog())
			}
		}
	}
}

// servings are those of all servers of TLS.
func servings(g *core.Generation) iter.Seq[*serving] {
	return func(yield func(*serving) bool) {
		for _, a := range g.Addresses() {
			for _, s := range a.Servers() {
				if v := slot.Of(s.Block).serving; v != nil && !yield(v) {
					return
				}
			}
		}
	}
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
