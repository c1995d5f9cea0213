package core

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/secure"
)

// ServerTLS is a server's part in TLS. The ssl module makes it; core knows when it is asked.
type ServerTLS struct {
	// Config is for connections to this server; nil = that of the address's default server.
	Config *tls.Config
	// RecordSize is how many bytes go into one TLS record (ssl_buffer_size).
	RecordSize int
	// Verify: client certificates are asked for. Such a server does not serve requests on connections to other names.
	Verify bool
	// Admit decides whether a request of a TLS connection may be served: OK, or a status.
	Admit func(r *Request) Verdict
}

// TLSState is what is kept of a TLS connection. It belongs to the connection's loop.
type TLSState struct {
	Name    string // of the server the client asked for (SNI); "" = none
	ALPN    string
	Peer    []*x509.Certificate // the client's, its own first; not verified by the handshake
	Version uint16
	Cipher  uint16
	Curve   tls.CurveID
	Resumed bool
	Hello   *ClientHello
	// Verified is the ssl module's: what it made of the client's certificate, and for which server.
	Verified any
}

// ClientHello is what a client has offered, for variables.
type ClientHello struct {
	Suites  []uint16
	Groups  []tls.CurveID
	Schemes []tls.SignatureScheme
}

// AddressTLS is what a listen address with `ssl` needs for a handshake. It does not change.
type AddressTLS struct {
	Config     *tls.Config
	RecordSize int
	address    *Address
}

// newAddressTLS chooses a server's configuration by the name in the handshake, as nginx does: the default server's where
// none has that name, or the one that has it has no certificate of its own.
func newAddressTLS(a *Address) *AddressTLS {
	t := &AddressTLS{address: a}
	base := a.Default.TLS
	if base == nil || base.Config == nil {
		t.Config = &tls.Config{} // has no certificate, so every handshake fails; the ssl module has refused this
		return t
	}
	t.RecordSize = base.RecordSize
	t.Config = base.Config.Clone()
	configs := map[*Server]*tls.Config{}
	for _, s := range a.servers {
		if s.TLS != nil && s.TLS.Config != nil {
			configs[s] = a.withHTTP2(s)
		}
	}
	t.Config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s := a.FindName(hello.ServerName)
		if configs[s] == nil {
			s = a.Default
		}
		if c, ok := hello.Conn.(conn.Handshaking); ok {
			c.SetRecordSize(s.TLS.RecordSize)
			c.Note(&ClientHello{hello.CipherSuites, hello.SupportedCurves, hello.SignatureSchemes})
		}
		return configs[s], nil
	}
	return t
}

// withHTTP2 is the configuration of a server at the address, which offers HTTP/2 (ALPN) if that may be spoken there.
func (a *Address) withHTTP2(s *Server) *tls.Config {
	if !a.HTTP2(s) {
		return s.TLS.Config
	}
	config := s.TLS.Config.Clone()
	config.NextProtos = append([]string{"h2"}, config.NextProtos...)
	return config
}

// HandshakeRequest is a request object for values with variables that a handshake asks for: of the server s in generation g, on a
// connection whose handshake has told what is in state. Nothing but variables may be asked of it. The caller releases it.
func HandshakeRequest(g *Generation, s *Server, c *conn.Conn, state *TLSState) *Request {
	r := Acquire(c.Loop())
	r.Gen, r.Head = g, new(http1.RequestHead)
	r.Client = &Client{Peer: c.RemoteAddr(), Remote: c.RemoteAddr(), Local: c.LocalAddr, Conn: c, TLS: state}
	r.Started, r.StartedWall = r.Loop.Now(), r.Loop.Wall()
	r.sizeSlots()
	r.useServer(s)
	r.Action = "SSL handshaking"
	return r
}

// ErrorLog is the server's own; nil = none. Any goroutine may write to it.
func (s *Server) ErrorLog() *logs.ErrorLog { return s.Location.errorLog }

// FindName is Find for a name outside of a request.
func (a *Address) FindName(name string) *Server {
	if s := a.named(name); s != nil {
		return s
	}
	return a.Default
}

// named is the server that has the name; nil = none, or the address has but one, and names do not count.
func (a *Address) named(name string) *Server {
	if name == "" || a.single {
		return nil
	}
	return a.names.find(nil, []byte(strings.ToLower(name)))
}

// Failed writes why a handshake failed to the error log of the address's default server.
func (t *AddressTLS) Failed(l *loop.Loop, c *Client, err error) {
	what := "client timed out (110: Connection timed out)"
	if err != loop.ErrTimeout {
		what = secure.HandshakeFailure(err)
	}
	t.address.LogClient(l, c, what+" while SSL handshaking")
}

// LogClient writes what concerns a client's connection, and no request, to the error log of the address's default server.
func (a *Address) LogClient(l *loop.Loop, c *Client, what string) {
	log := a.Default.Location.errorLog
	if log == nil || !log.Enabled(logs.Info) {
		return
	}
	line := append([]byte(what), ", client: "...)
	line = appendIP(line, c.Peer)
	line = append(line, ", server: "...)
	line = append(line, showAddr(a.Addr)...)
	log.LogBytes(logs.Origin{Now: l.Wall(), Loop: l.ID(), Conn: c.Number}, logs.Info, line)
}

// takeTLS applies what the handshake has decided to the choice of a server. True: the request is misdirected, because the server
// it names asks for client certificates, and the connection was made to another name.
func (r *Request) takeTLS(a *Address) bool {
	name := r.Client.TLS.Name
	to := a.named(name)
	switch {
	case to == nil || strings.EqualFold(string(r.Host), name):
		return false
	case len(r.Host) == 0: // a request without Host is for the server of the handshake
		r.useServer(to)
		return false
	}
	if r.Server.TLS == nil || !r.Server.TLS.Verify {
		return false
	}
	r.useServer(to) // whoever was not let in gets nothing of that server's, its error pages neither
	return true
}

// readingHeaders is what nginx says it was doing when it refuses a request for what its head says.
const readingHeaders = " while reading client request headers"

// admitTLS refuses plain requests on a TLS port, and those without the client certificate that the server wants.
func (r *Request) admitTLS() Verdict {
	switch {
	case r.Client.ToHTTPS:
		r.Error(logs.Info, "client sent plain HTTP request to HTTPS port"+readingHeaders)
		return StatusToHTTPS
	case r.Client.TLS != nil && r.Server.TLS != nil && r.Server.TLS.Admit != nil:
		if v := r.Server.TLS.Admit(r); v != OK {
			return v
		}
	}
	return Moved
}

// Addresses are the listen addresses of the generation, in the order of the configuration.
func (g *Generation) Addresses() []*Address { return mainSlot.Of(g.HTTP).addresses }

// Servers are those behind the address, in the order of the configuration.
func (a *Address) Servers() []*Server { return a.servers }
