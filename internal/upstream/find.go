package upstream

import (
	"errors"
	"fmt"

	"hearth/internal/core"
)

// ErrNoResolver says that a name has to be looked up and the configuration has no `resolver`.
var ErrNoResolver = errors.New("no resolver defined to resolve")

// Find returns the group that an evaluated proxy_pass names: an upstream of the configuration, or an implicit one of
// the address.
func Find(r *core.Request, address, defaultPort string) (*Group, error) {
	s := groupsSlot.Of(r.Gen.HTTP)
	if g := s.byName[address]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("%w %s", ErrNoResolver, address)
}

// FindStatus is the status to answer with when Find has failed.
func FindStatus(error) int { return 502 }
