// Package splitclients is ngx_http_split_clients_module: variables that divide clients by the hash of a value.
package splitclients

import (
	"errors"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module is the split_clients module.
var Module = core.Module{
	Name: "ngx_http_split_clients_module",
	Directives: []conf.Directive{
		{Name: "split_clients", In: conf.HTTP, Args: conf.Take2 | conf.WithBlock, Set: setSplit,
			Doc: "Make a variable that has each of several values for a share of the clients."},
	},
}

// split is one split_clients block.
type split struct {
	source *core.Value
	parts  []part
}

// part is a share of the 32-bit hashes and the value it has.
type part struct {
	below uint32 // of hashes less than this, and not of the parts before
	rest  bool   // "*": of all others
	value []byte
}

// whole is 100%, as shares have two decimals.
const whole = 10000

// setSplit reads `split_clients string $variable { percent% value; ... * value; }`.
func setSplit(c *conf.Cursor, b *conf.Block, args []string) error {
	source, ref, err := core.DefineFrom(c, b, args)
	if err != nil {
		return err
	}
	s := &split{source: source}
	ref.Getter(s.get)
	sum, last, tooMuch := 0, uint32(0), false
	err = c.Free(func(share string, values []string) error {
		if len(values) != 1 {
			return errors.New("invalid number of the split_clients parameters")
		}
		p := part{rest: share == "*", value: []byte(values[0])}
		if !p.rest {
			n, ok := parsePercent(share)
			if !ok {
				return c.Errorf("invalid percent value \"%s\"", share)
			}
			sum += n
			last += uint32(uint64(n) * 0xffffffff / whole)
			p.below = last
		} else {
			sum = whole
		}
		tooMuch = tooMuch || sum > whole
		s.parts = append(s.parts, p)
		return nil
	})
	if err == nil && tooMuch {
		return c.Errorf("percent total is greater than 100%%")
	}
	return err
}

// maxPercent keeps numbers of a share from overflowing.
const maxPercent = 1 << 40

// parsePercent parses "12.5%" to hundredths, of which there is at least one.
func parsePercent(s string) (int, bool) {
	s, ok := strings.CutSuffix(s, "%")
	if !ok || s == "" {
		return 0, false
	}
	n, decimals, point := 0, 0, false
	for _, c := range []byte(s) {
		switch {
		case c == '.' && !point:
			point = true
		case c < '0' || c > '9' || decimals == 2 || n > maxPercent:
			return 0, false
		default:
			n = n*10 + int(c-'0')
			if point {
				decimals++
			}
		}
	}
	for ; decimals < 2; decimals++ {
		n *= 10
	}
	return n, n > 0
}

func (s *split) get(r *core.Request) ([]byte, bool) {
	hash := murmur2(s.source.Eval(r))
	for i := range s.parts {
		if p := &s.parts[i]; p.rest || hash < p.below {
			return p.value, true
		}
	}
	return nil, false
}

// murmur2 is MurmurHash2 (Austin Appleby, public domain) with 32 bits and seed 0, by which nginx divides clients.
func murmur2(b []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
