package grpc

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/upstream"
	"hearth/internal/upstream/passing"
)

// pass is a grpc_pass: where requests go.
type pass struct {
	destination             // of all requests; its group is nil if the address has variables
	address     *core.Value // with variables
	literal     bool
}

// destination is where one request goes: known from the configuration, or evaluated.
type destination struct {
	group   *upstream.Group
	host    []byte // :authority
	secured bool   // over TLS
}

// setPass reads `grpc_pass [grpc://|grpcs://]ADDRESS`.
func setPass(c *conf.Cursor, b *conf.Block, l *location, args []string) error {
	if l.pass != nil {
		return c.Errorf("\"grpc_pass\" directive is duplicate")
	}
	value, err := passing.Begin(c, b, args[0], serve)
	if err != nil {
		return err
	}
	l.pass = &pass{address: value}
	literal, ok := value.Literal()
	if !ok {
		return nil
	}
	address, secured := cutScheme(literal)
	group, err := upstream.Use(c, address, "", "")
	if err != nil {
		return err
	}
	l.pass.literal, l.pass.destination = true, destination{group, host(address), secured}
	return nil
}

// cutScheme takes "grpc://" or "grpcs://" off.
func cutScheme(url string) (address string, secured bool) {
	for _, scheme := range []string{"grpc://", "grpcs://"} {
		if len(url) >= len(scheme) && strings.EqualFold(url[:len(scheme)], scheme) {
			return url[len(scheme):], scheme == "grpcs://"
		}
	}
	return url, false
}

// host is :authority for an address as written.
func host(address string) []byte {
	if strings.HasPrefix(address, "unix:") {
		return []byte("localhost")
	}
	return []byte(address)
}

// settled has the destination of requests for whom it has been found out.
var settled = core.NewState[struct{ *destination }]()

// settle finds out where the request goes.
func (p *pass) settle(r *core.Request) (*destination, core.Verdict) {
	if p.group != nil {
		return &p.destination, core.OK
	}
	address, secured := cutScheme(string(p.address.Eval(r)))
	group, err := upstream.Find(r, address, "", "")
	if err != nil {
		r.Error(logs.Error, "%s", err)
		return nil, core.Verdict(upstream.FindStatus(err))
	}
	return &destination{group, host(address), secured}, core.OK
}

// serve is the content handler of a location with grpc_pass.
func serve(r *core.Request) core.Verdict {
	l := locations.Of(r.Location.Block)
	d, verdict := l.pass.settle(r)
	if verdict != core.OK {
		return verdict
	}
	settled.Of(r).destination = d
	if !d.secured {
		return upstream.RunPlain(r, &l.Settings, d.group, l.protocol)
	}
	return upstream.Run(r, &l.Settings, d.group, l.protocol)
}

func authority(r *core.Request) []byte { return settled.Of(r).host }

func target(r *core.Request, dst []byte) []byte { return passing.AppendTarget(dst, r) }
