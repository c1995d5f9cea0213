package upstream

import (
	"strconv"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// ScopeOf names the location that a block is, or is in, for `keepalive N local`. It is called while the configuration is
// finished. The name survives a reload that moves the location to another line, so its connections do too: it is what
// the blocks around the location and its own say, and a number where several say the same.
func ScopeOf(b *conf.Block) string {
	if location := b.Outer(conf.Location); location != nil {
		b = location // `if` and limit_except belong to theirs
	}
	s := groupsSlot.Of(b)
	if name, known := s.scopes[b]; known {
		return name
	}
	var words []string
	for at := b; at.Kind != conf.HTTP; at = at.Parent {
		words = append(words, strings.Join(at.Args, " "))
	}
	if server := core.ServerOf(b); server != nil {
		words = append(words, server.Name())
	}
	name := strings.Join(words, " < ")
	if s.scopes == nil {
		s.scopes, s.named = map[*conf.Block]string{}, map[string]int{}
	}
	if s.named[name]++; s.named[name] > 1 {
		name += " #" + strconv.Itoa(s.named[name])
	}
	s.scopes[b] = name
	return name
}
