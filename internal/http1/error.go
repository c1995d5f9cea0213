package http1

import "errors"

// ErrIncomplete says that the buffer ends before the head does: read more and
// call Parse again.
var ErrIncomplete = errors.New("http1: head is incomplete")

// Statuses that nginx has for its own use. They are not sent: the answer to
// StatusRequestHeaderTooLarge goes out as 400, and error_page can name it.
const StatusRequestHeaderTooLarge = 494

// Error refuses a message. After it, the connection cannot be used further:
// where the next message begins is not known.
type Error struct {
	// Status is what a client is answered: 400, 414, 494, 501, 505. It is 502
	// for what came from an upstream server.
	Status int
	// Reason is the line for the error log, in nginx's words. It may quote
	// bytes of the message, unescaped, as nginx does.
	Reason string
}

func (e *Error) Error() string { return e.Reason }

func badRequest(reason string) *Error  { return &Error{Status: 400, Reason: reason} }
func badResponse(reason string) *Error { return &Error{Status: 502, Reason: reason} }
