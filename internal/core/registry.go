package core

import "sync"

// Registry is one generation's hold on the things that outlive a reload: pools, peers' state, zones. Things are
// named by kind and key; a generation that names one again finds the one its predecessor had.
type Registry struct {
	store *carriedStore
	held  map[carriedKey]*carried // guarded by store.mu
}

type carriedKey struct{ kind, key string }

// carried is a thing and how many generations hold it.
type carried struct {
	value any
	holds int
}

// carriedStore is what all generations of a process share.
type carriedStore struct {
	mu    sync.Mutex // guards what follows and every Registry.held; never held on the data path
	items map[carriedKey]*carried
}

// NewRegistry returns the first generation's registry.
func NewRegistry() *Registry {
	return (&carriedStore{items: map[carriedKey]*carried{}}).registry()
}

func (s *carriedStore) registry() *Registry {
	return &Registry{store: s, held: map[carriedKey]*carried{}}
}

// Next returns a registry for the following generation, which holds nothing yet.
func (g *Registry) Next() *Registry { return g.store.registry() }

// Carry returns the thing named by kind and key, made by create if no living generation has it. Its type must be the
// same for one kind. It is kept while any generation that asked for it lives; then its Close method, if any, is called.
func Carry[T any](g *Registry, kind, key string, create func() T) T {
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	name := carriedKey{kind, key}
	if c := g.held[name]; c != nil {
		return c.value.(T)
	}
	c := g.store.items[name]
	if c == nil {
		c = &carried{value: create()}
		g.store.items[name] = c
	}
	c.holds++
	g.held[name] = c
	return c.value.(T)
}

// Each calls f for every thing of a kind that this generation holds, in no order.
func (g *Registry) Each(kind string, f func(key string, value any)) {
	g.store.mu.Lock()
	found := map[string]any{}
	for name, c := range g.held {
		if name.kind == kind {
			found[name.key] = c.value
		}
	}
	g.store.mu.Unlock()
	for key, v := range found {
		f(key, v)
	}
}

// Release gives up everything this generation holds: it has drained, or was refused.
func (g *Registry) Release() {
	var ended []any
	g.store.mu.Lock()
	for name, c := range g.held {
		if c.holds--; c.holds == 0 {
			delete(g.store.items, name)
			ended = append(ended, c.value)
		}
	}
	clear(g.held)
	g.store.mu.Unlock()
	for _, v := range ended {
		if x, ok := v.(interface{ Close() }); ok {
			x.Close()
		}
	}
}
