package http1

import "bytes"

// requestLine is what the request line says. All are views into the buffer.
type requestLine struct {
	Line     []byte // without its line end: $request
	Method   []byte
	MethodID Method
	// Target is the request target as sent, without scheme and authority of
	// the absolute form: $request_uri. It is "?a" when an absolute form has
	// arguments and no path, and "/" when it has neither. It is empty for CONNECT.
	Target []byte
	// Path is Target up to "?" or "#". When Complex is set it still has to go
	// through NormalizePath. It is "/" when the absolute form has no path.
	Path []byte
	Args []byte // after "?" and before "#"; nil if nothing is there, as in "/?"
	// Complex says that NormalizePath(Path) may differ from Path, or fail.
	Complex bool
	// Scheme and Authority are those of the absolute form, else nil. The
	// authority is also that of CONNECT's target, which has no path at all.
	Scheme, Authority []byte
	Major, Minor      int // HTTP/0.9 is 0 and 9
}

var rootPath = []byte("/")

const readingLine = " while reading client request line"

var (
	errInvalidMethod   = badRequest("client sent invalid method" + readingLine)
	errInvalidRequest  = badRequest("client sent invalid request" + readingLine)
	errInvalidVersion  = &Error{505, "client sent invalid version" + readingLine}
	errInvalidMethod09 = badRequest("client sent invalid method in HTTP/0.9 request" + readingLine)
	errInvalidLineHost = badRequest("client sent invalid host in request line" + readingLine)
	errTooLongURI      = &Error{414, "client sent too long URI" + readingLine}
)

// methodByte reports whether nginx allows c in a method.
func methodByte(c byte) bool { return 'A' <= c && c <= 'Z' || c == '_' || c == '-' }

// Kinds of bytes in a request target; those of the last kinds end it.
const (
	targetPlain = iota
	targetSlash
	targetComplex // "%": the path needs decoding
	targetQuery
	targetFragment
	targetSpace
	targetFatal // controls
)

var targetByte = func() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = targetFatal
	}
	t[0x7f] = targetFatal
	t[' '], t['/'], t['%'], t['?'], t['#'] = targetSpace, targetSlash, targetComplex, targetQuery, targetFragment
	return t
}()

// forget leaves of a line that was refused what can be said of it: the line,
// the method by number (HEAD has no body in its answer, either) and the version.
func (r *requestLine) forget() {
	*r = requestLine{Line: r.Line, MethodID: r.MethodID, Major: r.Major, Minor: r.Minor}
}

// parse reads a complete request line as nginx does: any number of spaces
// between the three parts and at the end; no version means HTTP/0.9.
func (r *requestLine) parse(line []byte) *Error {
	*r = requestLine{Line: line}
	i := 0
	for ; ; i++ {
		if i == len(line) {
			return errInvalidMethod
		}
		if !methodByte(line[i]) {
			break
		}
	}
	if i == 0 || line[i] != ' ' {
		return errInvalidMethod
	}
	r.Method, r.MethodID = line[:i], MethodOf(line[:i])
	i = skipSpaces(line, i)
	if i == len(line) {
		return errInvalidRequest
	}
	if line[i] != '/' {
		n, err := r.parseAuthority(line[i:])
		if err != nil {
			return err
		}
		i += n
	}
	n, err := r.parseTarget(line[i:])
	if err != nil {
		return err
	}
	return r.parseVersion(line[skipSpaces(line, i+n):])
}

func skipSpaces(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// parseAuthority reads scheme "://" authority, or CONNECT's authority, and
// returns its length.
func (r *requestLine) parseAuthority(b []byte) (int, *Error) {
	start := 0
	if r.MethodID != MethodConnect {
		i := 0
		for i < len(b) && schemeByte(b[i], i) {
			i++
		}
		if i == 0 || !bytes.HasPrefix(b[i:], []byte("://")) {
			return 0, errInvalidRequest
		}
		r.Scheme, start = b[:i], i+3
	}
	end := start
	for end < len(b) && b[end] != '/' && b[end] != '?' && b[end] != ' ' {
		if targetByte[b[end]] == targetFatal {
			return 0, errInvalidRequest
		}
		end++
	}
	r.Authority = b[start:end]
	return end, nil
}

func schemeByte(c byte, i int) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')
}

// parseTarget reads path, arguments and fragment up to a space or the end, and
// returns their length.
func (r *requestLine) parseTarget(b []byte) (int, *Error) {
	path, args, fragment := -1, -1, -1
	i := 0
scan:
	for ; i < len(b); i++ {
		switch targetByte[b[i]] {
		case targetPlain:
		case targetSlash:
			if i+1 < len(b) && (b[i+1] == '/' || b[i+1] == '.') && path < 0 {
				r.Complex = true
			}
		case targetComplex:
			if path < 0 {
				r.Complex = true
			}
		case targetQuery:
			if path < 0 {
				path, args = i, i+1
			}
		case targetFragment:
			if fragment < 0 {
				fragment = i
			}
			if path < 0 {
				path = i
			}
		case targetSpace:
			break scan
		case targetFatal:
			return 0, errInvalidRequest
		}
	}
	if fragment < 0 {
		fragment = i
	}
	if path < 0 {
		path = i
	}
	r.Target, r.Path = b[:i], b[:path]
	if args >= 0 && args < fragment {
		r.Args = b[args:fragment]
	}
	if r.MethodID == MethodConnect && r.Scheme == nil && r.Authority != nil && i > 0 {
		return 0, errInvalidRequest
	}
	return i, nil
}

// parseVersion reads "HTTP/1.1" and spaces, or nothing.
func (r *requestLine) parseVersion(b []byte) *Error {
	if len(b) == 0 {
		r.Major, r.Minor = 0, 9
		if r.MethodID != MethodGet {
			return errInvalidMethod09
		}
		return nil
	}
	if len(b) == 8 && string(b[:7]) == "HTTP/1." && b[7]-'0' <= 9 {
		r.Major, r.Minor = 1, int(b[7]-'0')
		return nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/")) {
		return errInvalidRequest
	}
	b = b[len("HTTP/"):]
	major, n := digits(b)
	switch {
	case n == 0 || b[0] == '0':
		return errInvalidRequest
	case major > 1:
		return errInvalidVersion
	case n == len(b) || b[n] != '.':
		return errInvalidRequest
	}
	b = b[n+1:]
	minor, n := digits(b)
	if n == 0 || minor > 999 || skipSpaces(b, n) != len(b) {
		return errInvalidRequest
	}
	r.Major, r.Minor = major, minor
	return nil
}

// digits reads a decimal number, which stops growing at 1000, and returns how many digits it has.
func digits(b []byte) (value, n int) {
	for n < len(b) && b[n]-'0' <= 9 {
		value = min(value*10+int(b[n]-'0'), 1000)
		n++
	}
	return value, n
}
