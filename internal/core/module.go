package core

import (
	"hearth/internal/conf"
	"hearth/internal/vars"
)

// The variable machinery of package vars, bound to our request type.
type (
	Vars     = vars.Table[*Request]
	Variable = vars.Var[*Request]
	Value    = vars.Value[*Request]
	Ref      = vars.Ref[*Request]
	Regex    = vars.Regex[*Request]
)

// VariablePrefix is a family of variables told apart by the rest of the name ($http_NAME, $arg_NAME).
type VariablePrefix struct {
	Prefix  string
	Get     func(r *Request, rest string) ([]byte, bool)
	NoCache bool // evaluate at each use
}

// Module is the seam through which nginx's modules are added: one folder under internal/modules, one value of
// this type, one line in modules.go. The order of that list is the order of handlers and filters.
type Module struct {
	Name       string // nginx's name, e.g. "ngx_http_rewrite_module"
	Directives []conf.Directive
	Variables  []Variable
	Prefixes   []VariablePrefix
	Phases     []Phase
	Headers    []HeaderFilter
	Bodies     []BodyFilter

	// Init runs once for a generation, after inheritance and before the phases are compiled. nil = nothing to do.
	Init func(g *Generation) error

	// Start runs when the generation begins to serve: what changes things that the generation before shares (the limits
	// of a pool) belongs here and not in Init, because a generation may still be refused after that. nil = nothing to do.
	Start func(g *Generation)
}

// Phase is one handler at one point of processing.
type Phase struct {
	At  PhaseAt
	Run Handler
	// On tells, for a location's (or server's) block, whether the handler has anything to do there; where it says no,
	// the handler is left out of the compiled array. nil = everywhere.
	On func(b *conf.Block) bool
}

// HeaderFilter changes a response's head before it is sent. Filters run in the order of the module list.
type HeaderFilter struct {
	Run func(r *Request) error
	On  func(b *conf.Block) bool // nil = everywhere
}

// BodyFilter sees every chunk of a response's body; it passes on what it wants with out.Send.
type BodyFilter struct {
	Run func(r *Request, c Chunk, out Next) error
	On  func(b *conf.Block) bool // nil = everywhere
	// Active tells, when the header filters have run, whether the filter has anything to do with this very response.
	// Where it says no the filter is left out, so that the body can go its fastest way. nil = always.
	Active func(r *Request) bool
	// Merged filters work on what the client gets: the main request's output with that of its subrequests put in
	// (gzip). The others see the output of their own request or subrequest. Merged ones run after the others.
	Merged bool
}
