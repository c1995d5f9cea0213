package mapping

import (
	"fmt"
	"strings"

	"hearth/internal/core"
	"hearth/internal/text"
)

// table finds values by strings, without regard to case, and with `hostnames` by names with a "*" for their first or
// last parts.
type table struct {
	exact map[string]*core.Value
	heads map[string]*core.Value // *.example.com as ".example.com"
	tails map[string]*core.Value // www.example.* as "www.example."
}

func put(to *map[string]*core.Value, key, name string, v *core.Value) error {
	if *to == nil {
		*to = map[string]*core.Value{}
	}
	if (*to)[key] != nil {
		return fmt.Errorf("conflicting parameter \"%s\"", name)
	}
	(*to)[key] = v
	return nil
}

func (t *table) add(key string, v *core.Value) error {
	key = strings.ToLower(key)
	return put(&t.exact, key, key, v)
}

// addHost adds a name that may be *.example.com, .example.com (with or without a part before), or www.example.*.
func (t *table) addHost(name string, v *core.Value) error {
	key := strings.ToLower(name)
	switch {
	case strings.Count(key, "*") > 1 || strings.Contains(key, "..") || strings.Contains(key, "\x00"):
		return invalidHost(name)
	case len(key) > 1 && key[0] == '.':
		if err := put(&t.exact, key[1:], key, v); err != nil {
			return err
		}
		return put(&t.heads, key, key, v)
	case len(key) > 2 && strings.HasPrefix(key, "*."):
		return put(&t.heads, key[1:], key, v)
	case len(key) > 2 && strings.HasSuffix(key, ".*"):
		return put(&t.tails, key[:len(key)-1], key, v)
	case strings.Contains(key, "*"):
		return invalidHost(name)
	}
	return put(&t.exact, key, key, v)
}

func invalidHost(name string) error {
	return fmt.Errorf("invalid hostname or wildcard \"%s\"", name)
}

// find returns the value for a key: of the same string, else of the longest *.name, else of the longest name.*.
func (t *table) find(key []byte) *core.Value {
	var small [256]byte
	if text.HasUpper(key) {
		key = text.AppendLower(small[:0], key)
	}
	if v := t.exact[string(key)]; v != nil {
		return v
	}
	if t.heads != nil {
		for i, c := range key {
			if c != '.' {
				continue
			}
			if v := t.heads[string(key[i:])]; v != nil {
				return v
			}
		}
	}
	if t.tails != nil {
		for i := len(key); i > 0; i-- {
			if key[i-1] != '.' {
				continue
			}
			if v := t.tails[string(key[:i])]; v != nil {
				return v
			}
		}
	}
	return nil
}
