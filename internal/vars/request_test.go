package vars

import "testing"

// request is the least that can have variables.
type request struct {
	slots    []Slot
	captures Captures
	arena    []byte
	uri      string
	calls    int // of counted getters
	args     string
}

func (r *request) Alloc(n int) []byte {
	if len(r.arena) < n {
		r.arena = make([]byte, 4096+n)
	}
	b := r.arena[:n:n]
	r.arena = r.arena[n:]
	return b
}
func (r *request) VarSlots() []Slot    { return r.slots }
func (r *request) Captures() *Captures { return &r.captures }

// table returns a table with a few variables of each sort.
func table(t testing.TB) *Table[*request] {
	t.Helper()
	tb := NewTable[*request]()
	for _, v := range []Var[*request]{
		{Name: "uri", Get: func(r *request) ([]byte, bool) { return []byte(r.uri), true }},
		{Name: "remote_addr", Get: func(*request) ([]byte, bool) { return []byte("127.0.0.1"), true }},
		{Name: "host", Get: func(r *request) ([]byte, bool) { return hostValue, true }},
		{Name: "missing", Get: func(*request) ([]byte, bool) { return nil, false }},
		{Name: "counted", Get: func(r *request) ([]byte, bool) { r.calls++; return []byte{'0' + byte(r.calls)}, true }},
		{Name: "fresh", NoCache: true, Get: func(r *request) ([]byte, bool) { r.calls++; return []byte{'0' + byte(r.calls)}, true }},
		{Name: "args", NoCache: true, Changeable: true,
			Get: func(r *request) ([]byte, bool) { return []byte(r.args), true },
			Set: func(r *request, v []byte) { r.args = string(v) }},
	} {
		if err := tb.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	tb.AddPrefix("http_", func(r *request, rest string) ([]byte, bool) { return []byte("h:" + rest), true })
	tb.AddPrefix("arg_", func(r *request, rest string) ([]byte, bool) { return []byte("a:" + rest), true }, NoCache)
	return tb
}

var hostValue = []byte("example.com")

// start finishes the table and makes a request.
func start(t testing.TB, tb *Table[*request]) *request {
	t.Helper()
	if err := tb.Finish(); err != nil {
		t.Fatal(err)
	}
	return &request{slots: make([]Slot, tb.Slots())}
}

func compile(t testing.TB, tb *Table[*request], s string) *Value[*request] {
	t.Helper()
	v, err := tb.Compile(s)
	if err != nil {
		t.Fatalf("Compile(%q): %v", s, err)
	}
	return v
}

func pattern(t testing.TB, tb *Table[*request], p string, fold bool) *Regex[*request] {
	t.Helper()
	x, err := tb.CompileRegex(p, fold)
	if err != nil {
		t.Fatalf("CompileRegex(%q): %v", p, err)
	}
	return x
}
