package conf

import (
	"fmt"
)

// ending says what ended a run of words.
type ending int

const (
	endTerminated ending = iota // ;
	endOpen                     // {
	endClose                    // }
	endFile
)

// maxParameter is nginx's read buffer: a longer word, or comment, is refused.
const maxParameter = 4096

// lexer cuts bytes into words. The rules are those that nginx's reader has in effect:
//
//   - words are separated by blanks, and ended by ; or {
//   - a word that begins with a quote runs to the next such quote and must be followed by a blank, ; { or )
//   - elsewhere a quote is an ordinary byte, and so are } and # inside a word
//   - a backslash protects the next byte; \" \' \\ \t \r \n are replaced, of others the backslash stays
//   - `${` does not open a block
type lexer struct {
	src  []byte
	pos  int
	line int
	arg  bool // what was given with -g: other messages, no length limit
}

// lexError is a refusal without its place: the reader of the lexer adds it.
type lexError string

func (e lexError) Error() string { return string(e) }

func isBlank(ch byte) bool { return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n' }

// next returns the words up to the next ; { or }.
func (l *lexer) next() ([]string, ending, error) {
	var words []string
	for {
		ch, ok, err := l.skipBlank()
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			if len(words) > 0 {
				return nil, 0, l.unfinished()
			}
			return nil, endFile, nil
		}
		switch ch {
		case ';', '{':
			if len(words) == 0 {
				return nil, 0, unexpected(ch)
			}
			l.pos++
			return words, delimiter(ch), nil
		case '}':
			if len(words) > 0 {
				return nil, 0, unexpected(ch)
			}
			l.pos++
			return nil, endClose, nil
		case '"', '\'':
			l.pos++
			word, err := l.quoted(ch)
			if err != nil {
				return nil, 0, err
			}
			words = append(words, word)
			end, done, err := l.afterQuote()
			if err != nil || done {
				return words, end, err
			}
		default:
			word, err := l.bare()
			if err != nil {
				return nil, 0, err
			}
			words = append(words, word)
		}
	}
}

func delimiter(ch byte) ending {
	if ch == '{' {
		return endOpen
	}
	return endTerminated
}

func unexpected(ch byte) error { return lexError("unexpected \"" + string([]byte{ch}) + "\"") }

func (l *lexer) unfinished() error {
	if l.arg {
		return lexError(`unexpected end of parameter, expecting ";"`)
	}
	return lexError(`unexpected end of file, expecting ";" or "}"`)
}

// skipBlank goes to the next byte that is neither blank nor in a comment, and does not consume it.
func (l *lexer) skipBlank() (ch byte, ok bool, err error) {
	for ; l.pos < len(l.src); l.pos++ {
		switch ch := l.src[l.pos]; {
		case ch == '\n':
			l.line++
		case isBlank(ch):
		case ch == '#':
			if err := l.comment(); err != nil {
				return 0, false, err
			}
		default:
			return ch, true, nil
		}
	}
	return 0, false, nil
}

// comment goes to the last byte of the line.
func (l *lexer) comment() error {
	for start := l.pos; l.pos+1 < len(l.src) && l.src[l.pos+1] != '\n'; l.pos++ {
		if l.tooLong(start, l.pos+1) {
			return l.longWord(start)
		}
	}
	return nil
}

// tooLong tells whether the bytes from start up to pos fill nginx's buffer and more follow.
func (l *lexer) tooLong(start, pos int) bool { return pos-start >= maxParameter && !l.arg }

func (l *lexer) longWord(start int) error {
	return lexError(fmt.Sprintf(`too long parameter "%s..." started`, l.src[start:start+10]))
}

// quoted reads up to the closing quote, which it consumes. The opening one is consumed already.
func (l *lexer) quoted(quote byte) (string, error) {
	start, startLine := l.pos, l.line
	for ; l.pos < len(l.src); l.pos++ {
		if l.tooLong(start, l.pos) {
			l.line = startLine
			return "", lexError("too long parameter, probably missing terminating \"" + string([]byte{quote}) + "\" character")
		}
		switch l.src[l.pos] {
		case '\n':
			l.line++
		case '\\':
			l.escape()
		case quote:
			l.pos++
			return unescape(l.src[start : l.pos-1]), nil
		}
	}
	return "", l.unfinished()
}

// escape goes to the byte that a backslash protects.
func (l *lexer) escape() {
	if l.pos++; l.pos < len(l.src) && l.src[l.pos] == '\n' {
		l.line++
	}
}

// afterQuote consumes what must follow a closing quote. A closing parenthesis may (the
// condition of an `if`): it begins the next word.
func (l *lexer) afterQuote() (end ending, done bool, err error) {
	if l.pos >= len(l.src) {
		return 0, false, l.unfinished()
	}
	switch ch := l.src[l.pos]; {
	case isBlank(ch), ch == ')':
		return 0, false, nil
	case ch == ';', ch == '{':
		l.pos++
		return delimiter(ch), true, nil
	default:
		return 0, false, unexpected(ch)
	}
}

// bare reads a word without quotes. The byte that ends it is left in place.
func (l *lexer) bare() (string, error) {
	start, startLine := l.pos, l.line
	afterDollar := false
	for ; l.pos < len(l.src); l.pos++ {
		if l.tooLong(start, l.pos) {
			l.line = startLine
			return "", l.longWord(start)
		}
		ch := l.src[l.pos]
		switch {
		case ch == '{' && afterDollar:
			continue // the brace of ${name}; a brace after it is one as well
		case ch == '\\':
			l.escape()
		case isBlank(ch), ch == ';', ch == '{':
			return unescape(l.src[start:l.pos]), nil
		}
		afterDollar = ch == '$'
	}
	return "", l.unfinished()
}

// unescape replaces the escapes of a word.
func unescape(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		ch := raw[i]
		if ch == '\\' && i+1 < len(raw) {
			switch next := raw[i+1]; next {
			case '"', '\'', '\\':
				ch = next
				i++
			case 't':
				ch = '\t'
				i++
			case 'r':
				ch = '\r'
				i++
			case 'n':
				ch = '\n'
				i++
			}
		}
		out = append(out, ch)
	}
	return string(out)
}

// splitWords cuts the text of a default into words.
func splitWords(s string) ([]string, error) {
	l := lexer{src: []byte(s + ";"), arg: true}
	words, _, err := l.next()
	return words, err
}
