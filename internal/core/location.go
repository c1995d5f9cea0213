package core

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// LocationKind is a form of location.
type LocationKind uint8

const (
	PrefixLocation  LocationKind = iota
	ExactLocation                // =
	NoRegexLocation              // ^~: a prefix after which patterns are not tried
	RegexLocation                // ~ and ~*
	NamedLocation                // @name
	PseudoLocation               // `if`, limit_except, and the configuration of a server itself
)

// Location is a configuration that can be in force for a request: that of a location block, of an `if` or limit_except
// in one, or of the server itself. There is one for each such block (LocationOf).
type Location struct {
	Block  *conf.Block
	Conf   *LocationConf
	Server *Server
	Kind   LocationKind
	Name   string // the URI or pattern, or @name
	// Content is the location's content handler; nil = the generic ones.
	Content Handler
	// AutoRedirect: a request for the name without its final slash is redirected (proxy_pass and the like).
	AutoRedirect bool

	regex       *Regex
	escaped     []byte // Name as it stands in a redirect
	children    []*Location
	index       locationIndex
	limitExcept *limitExcept
	errorLog    *logs.ErrorLog

	handlers [phases][]Handler
	headers  []func(*Request) error
	bodies   []bodyStep
	merged   int // where the merged filters begin in bodies
}

// locationSlot has the Location of every block of the location level.
var locationSlot = conf.NewSlot[Location](conf.LocationLevel)

// LocationOf returns the Location of a block: for an inner block without one, that around it.
func LocationOf(b *conf.Block) *Location { return locationSlot.Of(b) }

// Regex returns the pattern of a ~ or ~* location, or nil.
func (l *Location) Regex() *Regex { return l.regex }

// SetContent makes h the content handler of the block's location; `"proxy_pass" directive is duplicate` is the
// caller's to say.
func SetContent(b *conf.Block, h Handler) { locationSlot.Of(b).Content = h }

// NewPseudoLocation makes b, a new block of kind IfServer, IfLocation or LimitExcept, a configuration that requests
// can enter. It is called before the block is read.
func NewPseudoLocation(b *conf.Block) *Location {
	l := locationSlot.Of(b)
	outer := locationSlot.Of(b.Parent)
	l.Block, l.Kind, l.Server = b, PseudoLocation, outer.Server
	l.Name, l.escaped, l.regex = outer.Name, outer.escaped, outer.regex
	return l
}

// setLocation reads `location [=|~|~*|^~] uri { }` and `location @name { }`.
func setLocation(c *conf.Cursor, outer *conf.Block, _ *LocationConf, args []string) error {
	b := c.NewBlock(conf.Location, args...)
	l, parent := locationSlot.Of(b), locationSlot.Of(outer)
	l.Block, l.Server = b, parent.Server
	if err := l.parseName(c, args); err != nil {
		return err
	}
	if outer.Kind == conf.Location {
		if err := l.checkNesting(c, parent); err != nil {
			return err
		}
	}
	if l.Kind == NamedLocation && l.Server.named[l.Name] == nil { // the first of a name counts, as in nginx
		l.Server.named[l.Name] = l
	}
	parent.children = append(parent.children, l)
	return c.Block(b)
}

// parseName reads the modifier and the name, which may be written together ("~*\.gif$", "=/").
func (l *Location) parseName(c *conf.Cursor, args []string) error {
	modifier, name := "", args[0]
	if len(args) == 2 {
		modifier, name = args[0], args[1]
	} else {
		for _, m := range []string{"=", "^~", "~*", "~"} {
			if strings.HasPrefix(name, m) {
				modifier, name = m, name[len(m):]
				break
			}
		}
	}
	l.Name = name
	switch modifier {
	case "":
		if strings.HasPrefix(name, "@") {
			l.Kind = NamedLocation
		}
	case "=":
		l.Kind = ExactLocation
	case "^~":
		l.Kind = NoRegexLocation
	case "~", "~*":
		l.Kind = RegexLocation
		re, err := CompileRegex(c, name, modifier == "~*")
		if err != nil {
			return err
		}
		l.regex = re
	default:
		return c.Errorf("invalid location modifier \"%s\"", modifier)
	}
	l.escaped = text.AppendEscapeURI(nil, []byte(name))
	return nil
}

func (l *Location) checkNesting(c *conf.Cursor, parent *Location) error {
	switch {
	case parent.Kind == ExactLocation:
		return c.Errorf("location \"%s\" cannot be inside the exact location \"%s\"", l.Name, parent.Name)
	case parent.Kind == NamedLocation:
		return c.Errorf("location \"%s\" cannot be inside the named location \"%s\"", l.Name, parent.Name)
	case l.Kind == NamedLocation:
		return c.Errorf("named location \"%s\" can be on the server level only", l.Name)
	case l.Kind != RegexLocation && !strings.HasPrefix(l.Name, parent.Name):
		return c.Errorf("location \"%s\" is outside location \"%s\"", l.Name, parent.Name)
	}
	return nil
}
