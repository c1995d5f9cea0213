package frontend

import (
	"hearth/internal/conn"
	"hearth/internal/core"
)

// engine is what the frontend asks of core. Tests put a handler of their own in its place.
type engine struct {
	address  func(p *core.Port, local func() conn.Addr) *core.Address
	server   func(a *core.Address) *core.ServerConf   // in force before a request's server is known
	location func(r *core.Request) *core.LocationConf // of the location that answers
	banner   func(r *core.Request) []byte             // the value of Server
	tls      func(a *core.Address) *core.AddressTLS   // nil: the address is a plain one's
	serve    func(r *core.Request, a *core.Address)
	reject   func(r *core.Request, a *core.Address, status int, reason string)
}

var coreEngine = engine{
	address:  (*core.Port).Lookup,
	server:   func(a *core.Address) *core.ServerConf { return a.Default.Conf },
	location: func(r *core.Request) *core.LocationConf { return r.Location.Conf },
	banner:   func(r *core.Request) []byte { return r.Location.Conf.ServerTokens.Eval(r) },
	tls:      func(a *core.Address) *core.AddressTLS { return a.TLS },
	serve:    core.Serve,
	reject:   core.Reject,
}
