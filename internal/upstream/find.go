package upstream

import (
	"context"
	"fmt"

	"hearth/internal/core"
)

// findError is an evaluated proxy_pass that leads nowhere: the line for the log and the answer to the client.
type findError struct {
	message string
	status  int
}

func (e *findError) Error() string { return e.message }

// FindStatus is the status to answer with when Find has failed.
func FindStatus(err error) int {
	if e, ok := err.(*findError); ok {
		return e.status
	}
	return 502
}

// Find returns the group that an evaluated proxy_pass names (ngx_http_proxy_module, "proxy_pass"): an upstream of the
// configuration, or an implicit one of an address, a unix socket, or a host that the location's `resolver` looks up.
// For that the fiber may wait. The message of an error is what nginx logs, with the uri behind the address where nginx has it.
func Find(r *core.Request, address, uri, defaultPort string) (*Group, error) {
	at, why := parseEndpoint(address, portNumber(defaultPort))
	if why != "" {
		return nil, &findError{fmt.Sprintf("%s in upstream \"%s%s\"", why, address, uri), 500}
	}
	s := groupsSlot.Of(r.Gen.HTTP)
	if g := s.match(at); g != nil {
		return g, nil
	}
	if at.portless() {
		return nil, &findError{fmt.Sprintf("no port in upstream \"%s\"", address), 500}
	}
	if at.literal() {
		return &s.implicit.get(r.Gen, at.addr.String(), at, r.Loop.Now()).Group, nil
	}
	return s.findHost(r, at)
}

// findHost is Find for a name that is none of the configuration.
func (s *groups) findHost(r *core.Request, at endpoint) (*Group, error) {
	c := core.Settings.Of(r.Location.Block)
	if c.Resolver == nil {
		return nil, &findError{"no resolver defined to resolve " + at.host, 502}
	}
	names := s.namer(c.Resolver)
	answer := names.Cached(at.host, r.Loop.Now())
	if answer == nil {
		r.Loop.Await(func() { answer = names.Addresses(context.Background(), at.host, c.ResolverTimeout) })
	}
	if answer.Err != nil {
		return nil, &findError{answer.Err.Error(), 502}
	}
	i := s.implicit.get(r.Gen, fmt.Sprintf("%s:%d by %s", at.host, at.port, names.name), at, r.Loop.Now())
	i.use(answer)
	return &i.Group, nil
}
