package vars

import (
	"fmt"
	"strconv"
	"strings"
)

// scanner reads a PCRE pattern once: it finds the faults that PCRE reports, in
// PCRE's words and at PCRE's offset, and writes the pattern down in the dialects
// of the two engines. It does not decide what the engines can do: what it does
// not know it copies, and they refuse it.
type scanner struct {
	src string
	i   int
	std strings.Builder // for package regexp
	net strings.Builder // for regexp2, where each rune is one byte

	stdOnly bool // holds what only package regexp reads as PCRE does
	bytes   bool // names bytes above 0x7f by \x: package regexp would take them for runes
	loose   bool // extended mode: white space and comments, only copied
	item    bool // a quantifier may follow
	depth   int
	groups  int
	names   map[string]bool
	backref int // highest \N
	refAt   int
}

// fault is what is wrong with a pattern, and where.
type fault struct {
	msg string
	at  int
}

// text is nginx's message for the fault.
func (f *fault) text(pattern string) error {
	if f.at >= len(pattern) {
		return fmt.Errorf(`pcre2_compile() failed: %s in "%s"`, f.msg, pattern)
	}
	return fmt.Errorf(`pcre2_compile() failed: %s in "%s" at "%s"`, f.msg, pattern, pattern[f.at:])
}

func scan(pattern string) (*scanner, *fault) {
	s := &scanner{src: pattern, names: map[string]bool{}}
	for _, p := range []string{"(*UTF8)", "(*UTF)", "(*UCP)"} { // package regexp is in that mode anyhow
		if strings.HasPrefix(s.rest(), p) {
			s.i += len(p)
		}
	}
	for s.i < len(s.src) {
		if s.loose {
			s.copy(len(s.src) - s.i)
			return s, nil
		}
		if f := s.next(); f != nil {
			return s, f
		}
	}
	switch {
	case s.depth > 0:
		return s, &fault{"missing closing parenthesis", len(s.src)}
	case s.backref > s.groups:
		return s, &fault{"reference to non-existent subpattern", s.refAt}
	}
	return s, nil
}

// copy moves n bytes as they are.
func (s *scanner) copy(n int) {
	s.put(s.src[s.i:s.i+n], s.src[s.i:s.i+n])
	s.i += n
}

// put writes a piece for each engine. regexp2 is given bytes as Latin-1 runes.
func (s *scanner) put(std, net string) {
	s.std.WriteString(std)
	for _, c := range []byte(net) {
		s.net.WriteRune(rune(c))
	}
}

func (s *scanner) rest() string { return s.src[s.i:] }

func (s *scanner) next() *fault {
	switch c := s.src[s.i]; c {
	case '\\':
		s.item = true
		return s.escape(false)
	case '[':
		s.item = true
		return s.class()
	case '(':
		return s.open()
	case ')':
		if s.depth == 0 {
			return &fault{"unmatched closing parenthesis", s.i}
		}
		s.depth--
		s.item = true
	case '|':
		s.item = false
	case '*', '+', '?':
		return s.quantifier(1)
	case '{':
		if n, min, max := braces(s.rest()); n > 0 {
			if max < min {
				return &fault{"numbers out of order in {} quantifier", s.i + n - 1}
			}
			return s.quantifier(n)
		}
		s.item = true
	default:
		s.item = true
	}
	s.copy(1)
	return nil
}

// quantifier copies a quantifier of n bytes with its lazy or possessive mark.
func (s *scanner) quantifier(n int) *fault {
	if !s.item {
		return &fault{"quantifier does not follow a repeatable item", s.i}
	}
	if s.i+n < len(s.src) && (s.src[s.i+n] == '?' || s.src[s.i+n] == '+') {
		n++
	}
	s.item = false
	s.copy(n)
	return nil
}

// braces measures "{n}", "{n,}" or "{n,m}" at the start of p; 0 if it is none of these.
func braces(p string) (n, min, max int) {
	end := strings.IndexByte(p, '}')
	if end < 0 {
		return 0, 0, 0
	}
	lo, hi, comma := strings.Cut(p[1:end], ",")
	min, err := strconv.Atoi(lo)
	if err != nil || min < 0 || lo[0] == '+' {
		return 0, 0, 0
	}
	max = min
	if comma {
		max = 1 << 30
		if hi != "" {
			if max, err = strconv.Atoi(hi); err != nil || max < 0 || hi[0] == '+' {
				return 0, 0, 0
			}
		}
	}
	return end + 1, min, max
}

// escape copies one escape, or writes what the engines have for it.
func (s *scanner) escape(inClass bool) *fault {
	if s.i+1 == len(s.src) {
		return &fault{`\ at end of pattern`, len(s.src)}
	}
	c := s.src[s.i+1]
	pair := s.src[s.i : s.i+2]
	switch {
	case c == 'w' || c == 'd' || c == 's' || c == 'h':
		s.set(asciiClass[c], pair, inClass)
	case c == 'W' || c == 'D' || c == 'S':
		s.put(pair, pair)
		s.i += 2
	case c == 'R' && !inClass:
		s.put(`(?:\r\n|[\n-\r])`, `(?:\r\n|[\n-\r])`)
		s.i += 2
	case c == 'N' && !inClass:
		s.put(`[^\n]`, `[^\n]`)
		s.i += 2
	case strings.IndexByte("KXCgoHVL", c) >= 0:
		return &fault{pair + " is not supported by hearth", s.i}
	case c == 'Q':
		n := strings.Index(s.rest(), `\E`) + 2
		if n < 2 {
			n = len(s.rest())
		}
		quoted := strings.TrimSuffix(s.src[s.i+2:s.i+n], `\E`)
		for _, q := range []byte(quoted) {
			s.put(quoteByte(q), quoteByte(q))
		}
		s.i += n
	case c == 'x':
		s.hex()
	case c >= '1' && c <= '9' && !inClass:
		if n := int(c - '0'); n > s.backref {
			s.backref, s.refAt = n, s.i+1
		}
		s.copy(2)
	default:
		s.copy(2)
	}
	return nil
}

func quoteByte(c byte) string {
	if nameByte(c) || c >= 0x80 {
		return string([]byte{c})
	}
	return `\` + string([]byte{c})
}

// asciiClass holds what PCRE's classes are without UTF mode: in regexp2 they would
// take in other alphabets.
var asciiClass = map[byte]string{'w': `a-zA-Z0-9_`, 'd': `0-9`, 's': `\t-\r `, 'h': `\t `}

func (s *scanner) set(ranges, std string, inClass bool) {
	net := ranges
	if !inClass {
		net = "[" + ranges + "]"
	}
	if std == `\h` {
		std = net
	}
	s.put(std, net)
	s.i += 2
}

// hex copies \xHH or \x{...} and notes bytes above 0x7f.
func (s *scanner) hex() {
	p := s.src[s.i+2:]
	n, digits := 2, ""
	if strings.HasPrefix(p, "{") {
		if end := strings.IndexByte(p, '}'); end > 0 {
			digits, n = p[1:end], 2+end+1
		}
	} else {
		for len(digits) < 2 && len(digits) < len(p) && isHex(p[len(digits)]) {
			digits = p[:len(digits)+1]
		}
		n += len(digits)
	}
	v, _ := strconv.ParseUint("0"+digits, 16, 32)
	s.bytes = s.bytes || v >= 0x80
	text := fmt.Sprintf(`\x{%x}`, v)
	if v <= 0xff {
		text = fmt.Sprintf(`\x%02x`, v)
	}
	s.put(text, text)
	s.i += n
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// posixRanges spells out [:name:] for regexp2, which does not have it.
var posixRanges = map[string]string{
	"alnum": `a-zA-Z0-9`, "alpha": `a-zA-Z`, "ascii": `\x00-\x7f`, "blank": `\t `, "cntrl": `\x00-\x1f\x7f`,
	"digit": `0-9`, "graph": `!-~`, "lower": `a-z`, "print": ` -~`, "punct": `!-/:-@\[-\x60{-~`,
	"space": `\t-\r `, "upper": `A-Z`, "word": `a-zA-Z0-9_`, "xdigit": `0-9a-fA-F`,
}

// escaped stands for a byte that may begin a range and was written as an escape.
const escaped = -2

// class copies "[...]".
func (s *scanner) class() *fault {
	s.copy(1)
	if strings.HasPrefix(s.rest(), "^") {
		s.copy(1)
	}
	first, last := true, -1 // last: the single byte before, which may begin a range
	for s.i < len(s.src) {
		c := s.src[s.i]
		switch {
		case c == ']' && !first:
			s.copy(1)
			return nil
		case c == ']':
			s.put(`\]`, `\]`)
			s.i++
			last = ']'
		case c == '\\':
			last = escaped
			if strings.ContainsAny(s.src[s.i:min(s.i+2, len(s.src))], "wdshWDSpP") {
				last = -1
			}
			if f := s.escape(true); f != nil && f.at < len(s.src) {
				return f
			} else if f != nil {
				return &fault{"missing terminating ] for character class", len(s.src)}
			}
		case strings.HasPrefix(s.rest(), "[:") && strings.Contains(s.rest(), ":]"):
			if f := s.posix(); f != nil {
				return f
			}
			last = -1
		case c == '-' && last >= 0 && s.i+1 < len(s.src) && s.src[s.i+1] != ']' && s.src[s.i+1] != '\\' && s.src[s.i+1] != '[':
			if int(s.src[s.i+1]) < last {
				return &fault{"range out of order in character class", s.i + 1}
			}
			s.copy(2)
			last = -1
		case c == '-' && last != -1 && s.i+1 < len(s.src) && s.src[s.i+1] == '\\': // up to an escape
			s.copy(1)
			if f := s.escape(true); f != nil {
				return f
			}
			last = -1
		case c == '-' && last == escaped && s.i+1 < len(s.src) && s.src[s.i+1] != ']' && s.src[s.i+1] != '[':
			s.copy(2)
			last = -1
		case c == '-' && last == -1: // no range: a dash after a class or another range
			s.put(`\-`, `\-`)
			s.i++
			last = '-'
		case c == '[':
			s.put(`\[`, `\[`)
			s.i++
			last = '['
		default:
			last = int(c)
			s.copy(1)
		}
		first = false
	}
	return &fault{"missing terminating ] for character class", len(s.src)}
}

func (s *scanner) posix() *fault {
	end := strings.Index(s.rest(), ":]")
	name := s.src[s.i+2 : s.i+end]
	negated := strings.HasPrefix(name, "^")
	ranges, ok := posixRanges[strings.TrimPrefix(name, "^")]
	switch {
	case !ok && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz^") != "":
		s.put(`\[`, `\[`) // not a class name after all: a bracket in a set
		s.i++
		return nil
	case !ok:
		return &fault{"unknown POSIX class name", s.i + 2}
	case negated:
		s.stdOnly = true
	}
	s.put(s.src[s.i:s.i+end+2], ranges)
	s.i += end + 2
	return nil
}

// open copies "(" and what says which kind of group it is.
func (s *scanner) open() *fault {
	s.item = false
	rest := s.rest()
	if strings.HasPrefix(rest, "(*") {
		return &fault{"(*VERB) is not supported by hearth", s.i}
	}
	if !strings.HasPrefix(rest, "(?") {
		s.depth++
		s.groups++
		s.copy(1)
		return nil
	}
	for _, p := range []struct{ open, close string }{{"(?P<", ">"}, {"(?'", "'"}, {"(?<", ">"}} {
		if strings.HasPrefix(rest, p.open) && !strings.HasPrefix(rest, "(?<=") && !strings.HasPrefix(rest, "(?<!") {
			return s.named(len(p.open), p.close[0])
		}
	}
	switch {
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return &fault{"missing ) after (?# comment", len(s.src)}
		}
		s.i += end + 1
		s.item = true
		return nil
	case strings.HasPrefix(rest, "(?P="):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return &fault{"syntax error in subpattern name (missing terminator?)", len(s.src)}
		}
		s.put(rest[:end+1], `\k<`+rest[4:end]+`>`)
		s.i += end + 1
		s.item = true
		return nil
	}
	return s.special()
}

// special copies "(?:" and its like, "(?i)" and "(?i:".
func (s *scanner) special() *fault {
	rest := s.rest()
	for _, p := range []string{"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?("} {
		if strings.HasPrefix(rest, p) {
			s.depth++
			s.copy(len(p))
			if p == "(?(" { // the condition is a group of its own
				s.depth++
			}
			return nil
		}
	}
	for _, p := range []string{"(?|", "(?R", "(?P>", "(?&", "(?0", "(?1", "(?2", "(?3", "(?+", "(?J"} {
		if strings.HasPrefix(rest, p) {
			return &fault{p + " is not supported by hearth", s.i}
		}
	}
	n := 2
	for n < len(rest) && strings.IndexByte("imsxnUJ^-", rest[n]) >= 0 {
		s.loose = s.loose || rest[n] == 'x'
		n++
	}
	switch {
	case n == len(rest):
		return &fault{"missing closing parenthesis", len(s.src)}
	case rest[n] == ':':
		s.depth++
	case rest[n] != ')':
		return &fault{"unrecognized character after (? or (?-", s.i + n}
	}
	s.copy(n + 1)
	return nil
}

// named copies the head of a named group; both engines know "(?<name>".
func (s *scanner) named(open int, end byte) *fault {
	from := s.i + open
	to := from
	for to < len(s.src) && nameByte(s.src[to]) {
		to++
	}
	name := s.src[from:to]
	switch {
	case from < len(s.src) && s.src[from] >= '0' && s.src[from] <= '9':
		return &fault{"subpattern name must start with a non-digit", from}
	case name == "" && to < len(s.src):
		return &fault{"subpattern name expected", to}
	case to == len(s.src) || s.src[to] != end:
		return &fault{"syntax error in subpattern name (missing terminator?)", to}
	case len(name) > 32:
		return &fault{"subpattern name is too long (maximum 32 code units)", from + 33}
	case s.names[name]:
		return &fault{"two named subpatterns have the same name (PCRE2_DUPNAMES not set)", to + 1}
	}
	s.names[name] = true
	s.depth++
	s.groups++
	s.put("(?<"+name+">", "(?<"+name+">")
	s.i = to + 1
	return nil
}
