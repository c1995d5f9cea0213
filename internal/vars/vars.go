// Package vars holds nginx's $variables: the table of names a configuration
// knows, values with variables in them compiled once ("complex values"), and
// the regular expressions whose captures are variables too.
//
// It is generic over the request type and knows nothing of HTTP, of
// directives, or of what a variable means: getters come from the modules.
// Error texts are nginx's, without " in FILE:LINE", which callers add.
//
// Life of a table: one per configuration generation. While the configuration is
// read, variables are added and values compiled on one goroutine; Finish
// resolves names and gives every variable that is used an index. After Finish
// nothing in the table changes, so all loops read it without a lock.
package vars

// Env is what the package needs of a request. Everything it hands out belongs
// to one request, on one loop.
type Env interface {
	// Alloc returns n bytes that stay valid until the request ends.
	Alloc(n int) []byte
	// VarSlots returns the request's Table.Slots() slots, zero at its start.
	VarSlots() []Slot
	// Captures returns where the captures of the last regex match are kept.
	Captures() *Captures
}

// State says what a Slot holds.
type State uint8

const (
	Unset    State = iota // not asked for yet
	Valid                 // Val is the value
	NotFound              // asked for, and there is none
	busy                  // its getter is running: asked again, it is a cycle
)

// Slot is the value of one indexed variable in one request.
type Slot struct {
	Val   []byte
	State State
}

// maxCaptures bounds $1..$9, as in nginx.
const maxCaptures = 10

// Captures are the parts $1..$9 of the subject of the last successful match.
// A request embeds one. The subject is not copied: it must stay as it is while
// the request lives.
type Captures struct {
	subject []byte
	n       int // groups known, the whole match counted as 0
	at      [maxCaptures * 2]int32
}

// Get returns group i (1 to 9). A group that took no part in the match is empty
// and found; one the pattern does not have is not found.
func (c *Captures) Get(i int) ([]byte, bool) {
	if i < 0 || i >= c.n {
		return nil, false
	}
	from, to := c.at[2*i], c.at[2*i+1]
	if from < 0 {
		return nil, true
	}
	return c.subject[from:to:to], true
}

// Reset forgets the captures, as a match of a pattern without groups does.
func (c *Captures) Reset() { c.subject, c.n = nil, 0 }

// Var describes one variable.
type Var[R Env] struct {
	Name string // without "$"
	// Get returns the value, or false when there is none. The bytes must stay
	// as they are until the request ends: views of the request's own memory, or
	// of its arena. It must not park the fiber: while it runs, the same variable
	// of the same request counts as a cycle.
	Get func(r R) ([]byte, bool)
	// Set, if any, takes what `set $name value` assigns (as $args needs).
	Set func(r R, v []byte)
	// NoCache: ask Get each time. Otherwise the first answer stands until the
	// request ends, as with nginx's indexed variables.
	NoCache bool
	// Changeable: `set`, `map` and captures may define it again.
	Changeable bool
}

// Ref is a use of a variable, resolved to a getter and an index by Table.Finish.
type Ref[R Env] struct {
	name    string
	index   int // in VarSlots; -1 before Finish
	get     func(r R) ([]byte, bool)
	set     func(r R, v []byte)
	noCache bool
	used    bool // something reads it
	table   *Table[R]
}

// Name returns the variable's name without "$".
func (f *Ref[R]) Name() string { return f.name }

// Get returns the variable's value in r, or false when it has none. The bytes
// belong to the request and must not be changed.
func (f *Ref[R]) Get(r R) ([]byte, bool) {
	s := &r.VarSlots()[f.index]
	switch s.State {
	case Valid:
		return s.Val, true
	case NotFound:
		return nil, false
	case busy:
		if f.table.Cycle != nil {
			f.table.Cycle(r, f.name)
		}
		return nil, false
	}
	s.State = busy
	v, ok := f.get(r)
	if s.State != busy { // its own getter assigned it, by a capture: that stands
		return v, ok
	}
	switch {
	case f.noCache:
		s.State = Unset
	case ok:
		s.Val, s.State = v, Valid
	default:
		s.State = NotFound
	}
	return v, ok
}

// Set assigns v, as `set` and named captures do. v must live as long as the request.
func (f *Ref[R]) Set(r R, v []byte) {
	if f.set != nil {
		f.set(r, v)
		return
	}
	s := &r.VarSlots()[f.index]
	s.Val, s.State = v, Valid
}

// Forget drops the cached value, so that the next Get asks the getter again.
func (f *Ref[R]) Forget(r R) {
	r.VarSlots()[f.index] = Slot{}
}
