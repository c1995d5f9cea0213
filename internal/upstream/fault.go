package upstream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/secure"
	"hearth/internal/upstream/peertls"
)

// Fault is why a try at a peer gave no usable response. It says which condition of proxy_next_upstream it meets and
// what the client is told when there is no other try.
type Fault struct {
	Condition NextOn
	Status    int   // 502, 504, 499, or the backend's own for http_NNN conditions
	at        doing // what failed; "" = connecting
	race      pool.Verdict
	Harmless  bool // does not count as a failure of the peer (403, 404, a race, the client's own abort)
	cause     string
	client    error // the client's side failed, not the peer's: nothing else of this is set
}

func (f *Fault) Error() string { return f.cause }

// blames is what the peer failed at, "" if it is not to blame.
func (f *Fault) blames() doing {
	switch {
	case f.Harmless:
		return ""
	case f.at == "":
		return connecting
	}
	return f.at
}

// doing names what a request was waiting for, as nginx's log does.
type doing string

const (
	connecting  doing = "connecting to upstream"
	handshaking doing = "SSL handshaking to upstream"
	sending     doing = "sending request to upstream"
	readingHead doing = "reading response header from upstream"
	readingBody doing = "reading upstream"
)

// errClosed is a backend that closed where more of the response was due.
var errClosed = errors.New("upstream prematurely closed connection")

// errSendTimeout is a backend that takes nothing of the request for proxy_send_timeout, noticed while its response is awaited.
var errSendTimeout = fmt.Errorf("%w while %s", loop.ErrTimeout, sending)

// errAbort is a client that closed while its request was with the backend.
var errAbort = errors.New("client prematurely closed connection")

// InvalidResponse is a response that breaks the protocol: 502 and proxy_next_upstream's invalid_header.
type InvalidResponse struct{ Cause string }

func (e *InvalidResponse) Error() string { return e.Cause }

// faultOf turns an error at some step into a Fault with nginx's wording.
func faultOf(err error, at doing, call string) *Fault {
	var invalid *InvalidResponse
	var reset *ResetError
	var errno syscall.Errno
	var unsecured *peertls.Error
	switch {
	case errors.As(err, &unsecured):
		if unsecured.Local {
			return &Fault{Status: 500, Harmless: true, cause: unsecured.Cause + " while " + string(at)}
		}
		fault := &Fault{Condition: OnError, Status: 502, at: handshaking, cause: unsecured.Cause + " while " + string(handshaking)}
		if errors.Is(err, loop.ErrTimeout) {
			fault.Condition, fault.Status = OnTimeout, 504
		}
		return fault
	case errors.Is(err, errAbort):
		return &Fault{Status: 499, Harmless: true, cause: fmt.Sprintf("epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while %s", at)}
	case err == errSendTimeout:
		return faultOf(loop.ErrTimeout, sending, call)
	case errors.As(err, &reset):
		fault := &Fault{Condition: OnInvalidHeader, Status: 502, cause: fmt.Sprintf("%s while %s", reset, at)}
		if reset.Refused {
			fault.Condition = OnError
		}
		return fault
	case errors.Is(err, loop.ErrTimeout):
		return &Fault{Condition: OnTimeout, Status: 504, cause: fmt.Sprintf("upstream timed out (110: Connection timed out) while %s", at)}
	case errors.As(err, &invalid):
		cause := invalid.Cause
		if !strings.HasSuffix(cause, " while "+string(at)) { // the codec may have said it
			cause += " while " + string(at)
		}
		return &Fault{Condition: OnInvalidHeader, Status: 502, cause: cause}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errClosed):
		return &Fault{Condition: OnError, Status: 502, cause: fmt.Sprintf("%s while %s", errClosed, at)}
	case errors.As(err, &errno):
		return &Fault{Condition: OnError, Status: 502, cause: fmt.Sprintf("%s failed (%s) while %s", call, errnoText(errno), at)}
	}
	if strings.HasPrefix(call, "SSL_") {
		return &Fault{Condition: OnError, Status: 502, cause: fmt.Sprintf("%s failed (SSL: %s) while %s", call, secure.Reason(err), at)}
	}
	return &Fault{Condition: OnError, Status: 502, cause: fmt.Sprintf("%s failed (%v) while %s", call, err, at)}
}

// called names the call that failed as nginx does, which reads and writes TLS by others.
func (x *Exchange) called(call string) string {
	switch {
	case x.tls == nil:
		return call
	case call == "recv()":
		return "SSL_read()"
	}
	return "SSL_write()"
}

// errnoText is an error number as nginx logs it: "111: Connection refused".
func errnoText(errno syscall.Errno) string {
	text := []byte(errno.Error())
	if len(text) > 0 && text[0] >= 'a' && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return fmt.Sprintf("%d: %s", int(errno), text)
}
