package resolve

import (
	"fmt"

	"golang.org/x/net/dns/dnsmessage"
)

// Code says why a name has no addresses: a DNS response code (RFC 1035 4.1.1), or TimedOut.
type Code int

// The codes that matter to callers. NotFound is also what a name without records of the wanted type is.
const (
	FormatError    Code = 1
	ServerFailure  Code = 2
	NotFound       Code = 3
	Unimplemented  Code = 4
	Refused        Code = 5
	TimedOut       Code = 110
	lastNamedRCode      = Refused
)

var codeText = [lastNamedRCode + 1]string{
	FormatError: "Format error", ServerFailure: "Server failure", NotFound: "Host not found",
	Unimplemented: "Unimplemented", Refused: "Operation refused",
}

// String is the code's text in nginx's log.
func (c Code) String() string {
	switch {
	case c == TimedOut:
		return "Operation timed out"
	case c > 0 && c <= lastNamedRCode:
		return codeText[c]
	}
	return "Unknown error"
}

// Error is a look-up that failed, worded as nginx logs it.
type Error struct {
	Name string
	Code Code
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s could not be resolved (%d: %s)", e.Name, int(e.Code), e.Code)
}

func codeOf(r dnsmessage.RCode) Code {
	if r == dnsmessage.RCodeSuccess {
		return NotFound // no record of the type
	}
	return Code(r)
}
