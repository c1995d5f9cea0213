package vars

import "testing"

func TestACachedVariableIsAskedOnce(t *testing.T) {
	tb := table(t)
	v := compile(t, tb, "$counted$counted$fresh$fresh")
	r := start(t, tb)
	if got := string(v.Eval(r)); got != "1123" {
		t.Errorf("got %q, want 1123", got)
	}
}

func TestNotFoundIsCachedToo(t *testing.T) {
	tb := table(t)
	calls := 0
	if err := tb.Add(Var[*request]{Name: "none", Get: func(*request) ([]byte, bool) { calls++; return nil, false }}); err != nil {
		t.Fatal(err)
	}
	f := tb.Ref("none")
	r := start(t, tb)
	for range 3 {
		if _, ok := f.Get(r); ok {
			t.Error("found")
		}
	}
	if calls != 1 {
		t.Errorf("asked %d times, want 1", calls)
	}
	f.Forget(r)
	f.Get(r)
	if calls != 2 {
		t.Errorf("after Forget asked %d times, want 2", calls)
	}
}

func TestSetAssigns(t *testing.T) {
	tb := table(t)
	x, err := tb.DefineSet("x")
	if err != nil {
		t.Fatal(err)
	}
	var asked string
	tb.Uninitialized = func(_ *request, name string) { asked = name }
	v := compile(t, tb, "<$x>")
	r := start(t, tb)
	if got := string(v.Eval(r)); got != "<>" || asked != "x" {
		t.Errorf("uninitialized: %q, asked %q", got, asked)
	}
	x.Set(r, []byte("1"))
	if got := string(v.Eval(r)); got != "<1>" {
		t.Errorf("assigned: %q", got)
	}
}

func TestSetGoesToTheVariablesOwnSetter(t *testing.T) {
	tb := table(t)
	args, err := tb.DefineSet("args")
	if err != nil {
		t.Fatal(err)
	}
	v := compile(t, tb, "$args")
	r := start(t, tb)
	args.Set(r, []byte("a=1"))
	if r.args != "a=1" || string(v.Eval(r)) != "a=1" {
		t.Errorf("args is %q, evaluates to %q", r.args, v.Eval(r))
	}
}

func TestTheFamilyAnswersUntilSetAssigns(t *testing.T) {
	tb := table(t)
	q, err := tb.DefineSet("arg_q")
	if err != nil {
		t.Fatal(err)
	}
	v := compile(t, tb, "$arg_q")
	r := start(t, tb)
	if got := string(v.Eval(r)); got != "a:q" {
		t.Errorf("before: %q", got)
	}
	q.Set(r, []byte("new"))
	if got := string(v.Eval(r)); got != "new" {
		t.Errorf("after: %q", got)
	}
}

func TestADefinedNameGoesBeforeTheFamily(t *testing.T) {
	tb := table(t)
	f, err := tb.Define("http_x")
	if err != nil {
		t.Fatal(err)
	}
	f.Getter(func(*request) ([]byte, bool) { return []byte("mapped"), true })
	v := compile(t, tb, "$http_x $http_y")
	if got := string(v.Eval(start(t, tb))); got != "mapped h:y" {
		t.Errorf("got %q", got)
	}
}

func TestTheLongestPrefixWins(t *testing.T) {
	tb := table(t)
	tb.AddPrefix("http_long_", func(_ *request, rest string) ([]byte, bool) { return []byte("long:" + rest), true })
	v := compile(t, tb, "$http_long_x")
	if got := string(v.Eval(start(t, tb))); got != "long:x" {
		t.Errorf("got %q", got)
	}
}

func TestASetVariableThatAMapDefinesKeepsTheMap(t *testing.T) {
	for _, mapFirst := range []bool{true, false} {
		tb := table(t)
		define := func() {
			f, err := tb.Define("x")
			if err != nil {
				t.Fatal(err)
			}
			f.Getter(func(*request) ([]byte, bool) { return []byte("mapped"), true })
		}
		set := func() {
			if _, err := tb.DefineSet("x"); err != nil {
				t.Fatal(err)
			}
		}
		if mapFirst {
			define()
			set()
		} else {
			set()
			define()
		}
		v := compile(t, tb, "$x")
		if got := string(v.Eval(start(t, tb))); got != "mapped" {
			t.Errorf("map first %v: got %q", mapFirst, got)
		}
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	tb := table(t)
	want := `the duplicate "host" variable`
	get := func(*request) ([]byte, bool) { return nil, true }
	_, define := tb.Define("host")
	_, set := tb.DefineSet("host")
	_, group := tb.CompileRegex("(?<host>x)", false)
	add := tb.Add(Var[*request]{Name: "host", Get: get})
	for how, err := range map[string]error{"Define": define, "DefineSet": set, "a group": group, "Add": add} {
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", how, err, want)
		}
	}
}

func TestACycleEnds(t *testing.T) {
	tb := table(t)
	a, _ := tb.Define("a")
	b, _ := tb.Define("b")
	va, vb := compile(t, tb, "$b."), compile(t, tb, "$a.")
	a.Getter(func(r *request) ([]byte, bool) { return va.Eval(r), true })
	b.Getter(func(r *request) ([]byte, bool) { return vb.Eval(r), true })
	var cycle string
	tb.Cycle = func(_ *request, name string) { cycle = name }
	r := start(t, tb)
	if got := string(va.Eval(r)); got != "..." || cycle != "b" {
		t.Errorf("got %q, cycle at %q", got, cycle)
	}
}

func TestVolatileMapsAreAskedEachTime(t *testing.T) {
	tb := table(t)
	f, _ := tb.Define("m")
	f.Getter(func(r *request) ([]byte, bool) { r.calls++; return []byte{'0' + byte(r.calls)}, true })
	f.Volatile()
	v := compile(t, tb, "$m$m")
	if got := string(v.Eval(start(t, tb))); got != "12" {
		t.Errorf("got %q, want 12", got)
	}
}

func TestNamesOfDefinedVariables(t *testing.T) {
	if name, err := ParseName("$x"); name != "x" || err != nil {
		t.Errorf("$x gives %q, %v", name, err)
	}
	for _, arg := range []string{"x", "$", ""} {
		if _, err := ParseName(arg); err == nil || err.Error() != `invalid variable name "`+arg+`"` {
			t.Errorf("%q: error %v", arg, err)
		}
	}
}
