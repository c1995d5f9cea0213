// Package conf is the nginx.conf language: a byte-exact lexer, directives described
// one row each, typed values kept in slots, inheritance, and nginx's error messages.
//
// A row (Directive, made by Field, List, ListAll or Custom) states everything about a
// directive once: name, contexts, number of arguments, how its value is parsed and
// where it is kept, its default, one line of documentation. A Schema is a set of rows.
// Load reads a file and applies each directive as it is read, so the first error it
// meets is the one nginx reports.
//
// It knows no module and no meaning: what `listen` or `proxy_pass` do is written in the
// rows of other packages. It keeps no syntax tree; the Blocks and their slots are the result.
package conf

import (
	"fmt"
	"strings"
)

// Pos is a place in the configuration. nginx counts the line it has read up to, so an
// error about a directive of several lines names its last one.
type Pos struct {
	File string // "" when nothing is being read
	Line int    // from 1; 0 for the command line
}

// CommandLine is the File of what was given with -g.
const CommandLine = "command line"

// String returns "FILE:LINE", "command line", or "".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// maxMessage is how much nginx writes of a message, in bytes.
const maxMessage = 1024

// Errorf makes an error at this place, for what is found out only later (a host that is not found).
func (p Pos) Errorf(format string, args ...any) error {
	return &Error{Pos: p, Level: "emerg", Msg: shorten(fmt.Sprintf(format, args...))}
}

func shorten(msg string) string { return msg[:min(len(msg), maxMessage)] }

// Error is a refusal of the configuration, in nginx's wording.
type Error struct {
	Pos
	Level string // of the error log: "emerg", seldom "crit"; Load fills in an empty one
	Msg   string
}

// Error returns "MESSAGE in FILE:LINE".
func (e *Error) Error() string {
	if e.File == "" {
		return e.Msg
	}
	return e.Msg + " in " + e.Pos.String()
}

// Context is a kind of block, or a set of kinds.
type Context uint32

// The kinds of block.
const (
	Main Context = 1 << iota
	Events
	HTTP
	Server
	Location
	IfServer   // `if` in a server
	IfLocation // `if` in a location
	LimitExcept
	Upstream
	Stream
	StreamServer
	StreamUpstream
	Mail
	MailServer

	lastKind = MailServer
)

// The sets of kinds that most rows are allowed in.
const (
	ToServer   = HTTP | Server            // http, server
	ToLocation = HTTP | Server | Location // http, server, location
	If         = IfServer | IfLocation
)

var kindNames = map[Context]string{
	Main: "main", Events: "events", HTTP: "http", Server: "server", Location: "location",
	IfServer: "if in server", IfLocation: "if in location", LimitExcept: "limit_except",
	Upstream: "upstream", Stream: "stream", StreamServer: "stream server",
	StreamUpstream: "stream upstream", Mail: "mail", MailServer: "mail server",
}

// String returns the names of the kinds, as documentation writes them.
func (x Context) String() string {
	var names []string
	for k := Main; k <= lastKind; k <<= 1 {
		if x&k != 0 {
			names = append(names, kindNames[k])
		}
	}
	return strings.Join(names, ", ")
}

// Arity is the set of argument counts that a directive takes. The zero value means Take1.
type Arity uint32

// Argument counts.
const (
	NoArgs Arity = 1 << iota
	Take1
	Take2
	Take3
	Take4
	Take5
	Take6
	Take7
	OneMore   // one or more
	TwoMore   // two or more
	AnyArgs   // any number, none included
	WithBlock // has a block: `name args { ... }`

	Take12   = Take1 | Take2
	Take13   = Take1 | Take3
	Take23   = Take2 | Take3
	Take34   = Take3 | Take4
	Take123  = Take1 | Take2 | Take3
	Take1234 = Take1 | Take2 | Take3 | Take4
)

func (a Arity) accepts(n int) bool {
	switch {
	case a&^WithBlock == 0:
		return n == 1
	case a&AnyArgs != 0, a&OneMore != 0 && n >= 1, a&TwoMore != 0 && n >= 2:
		return true
	}
	return n <= 7 && a&(NoArgs<<n) != 0
}
