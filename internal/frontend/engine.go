package frontend

import (
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// engine is what the frontend asks of core. Tests put a handler of their own in its place.
type engine struct {
	address  func(p *core.Port, local func() conn.Addr) *core.Address
	server   func(a *core.Address) *core.ServerConf // in force before a request's server is known
	byHost   func(a *core.Address) func(*http1.HostPort) *http1.RequestOptions
	location func(r *core.Request) *core.LocationConf // of the location that answers
	banner   func(r *core.Request) []byte             // the value of Server
	tls      func(a *core.Address) *core.AddressTLS   // nil: the address is a plain one's
	http2    func(a *core.Address) bool               // the address takes HTTP/2 without TLS
	// handshaken is in force after a handshake; outermost for what concerns a connection with several requests.
	handshaken func(a *core.Address, t *core.TLSState) *core.ServerConf
	outermost  func(a *core.Address) *core.LocationConf
	log        func(a *core.Address, l *loop.Loop, c *core.Client, line string)
	serve      func(r *core.Request, a *core.Address)
	reject     func(r *core.Request, a *core.Address, status int, reason string)
	abandon    func(r *core.Request, a *core.Address, status int, reason string)
}

var coreEngine = engine{
	address:  (*core.Port).Lookup,
	server:   func(a *core.Address) *core.ServerConf { return a.Default.Conf },
	byHost:   (*core.Address).ByHost,
	location: func(r *core.Request) *core.LocationConf { return r.Location.Conf },
	banner:   func(r *core.Request) []byte { return r.Location.Conf.ServerTokens.Eval(r) },
	tls:      func(a *core.Address) *core.AddressTLS { return a.TLS },
	http2:    func(a *core.Address) bool { return a.HTTP2(a.Default) },
	handshaken: func(a *core.Address, t *core.TLSState) *core.ServerConf {
		if t == nil {
			return a.Default.Conf
		}
		return a.FindName(t.Name).Conf
	},
	outermost: func(a *core.Address) *core.LocationConf { return a.Default.Location.Conf },
	log:       (*core.Address).LogClient,
	serve:     core.Serve,
	reject:    core.Reject,
	abandon:   core.Abandon,
}
