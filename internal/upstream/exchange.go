package upstream

import (
	"errors"
	"io"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/upstream/peertls"
)

// Protocol is what a wire protocol adds to the one exchange engine. A value serves all requests of a location, so what
// it needs per request it keeps in the Exchange. Errors are those of conn, io.EOF, loop.ErrTimeout, or
// *InvalidResponse; the engine turns them into faults.
type Protocol interface {
	// BuildRequest puts the request's head into x.Out and names its x.Target, before a peer is chosen.
	BuildRequest(x *Exchange) error
	// WriteRequest sends head and body, with x.Send; once for each try.
	WriteRequest(x *Exchange) error
	// ReadHead reads until x.Head holds the final response's head; the bytes after it stay in x.In. 1xx answers on the
	// way are handed to x.Interim.
	ReadHead(x *Exchange) error
	// TryBody returns the next piece of the decoded body, a view into x.In that is valid until the next call;
	// conn.ErrAgain when more has to arrive (wait for x.Conn.Readable()), io.EOF after the end of a complete message.
	TryBody(x *Exchange) ([]byte, error)
	// BodyDone says whether the message has been read to its end, so that TryBody would only say io.EOF.
	BodyDone(x *Exchange) bool
	// RawBody is how many body bytes follow on the connection just as they are to be sent: 0 when some are still
	// in x.In or when the body is encoded. TookRaw says that n of them have been moved.
	RawBody(x *Exchange) int64
	TookRaw(x *Exchange, n int64)
	// Fate says, at the end of an exchange, whether the connection may serve another: pool.Kept or why not, and what
	// the backend said about how long it keeps idle connections.
	Fate(x *Exchange) (pool.Close, pool.Hint)
}

// Exchange is one request's dealings with its backends: the tries, the lease on a connection, the response on its way
// to the client. It belongs to the request's fiber. The object is reused by later requests: what is large keeps its
// memory, everything else is in progress and starts anew.
type Exchange struct {
	In  Inbox  // bytes from the backend
	Out []byte // the request's head, as built by the protocol
	// The codec's state, here because it is per request.
	Parser http1.ResponseParser
	Chunks http1.ChunkReader
	// For a protocol on streams: what BuildRequest makes in place of Out, and the fields behind the response's body, which
	// the protocol appends before it says that the body is done.
	Request  RequestHead
	Trailers []http1.Field

	tried    Tried
	attempts []Attempt
	body     outBody
	up       upload
	store    store
	wait     pool.Waiter  // for a place on a shared connection
	arrival  conn.Arrival // of the response

	progress
}

// progress is what an exchange knows and has done so far. Zero is the beginning.
type progress struct {
	R     *core.Request
	Set   *Settings
	Group *Group
	Proto Protocol

	Peer   *Peer
	Conn   *conn.Conn          // the leased connection; nil when there is none, or a Stream
	Stream Stream              // nil when there is none, or a Conn
	Target []byte              // the request target as sent, for the log
	Head   *http1.ResponseHead // of the final response; its bytes stay in x.In until the next try
	Left   int64               // body bytes still to come, by Content-Length
	Closed bool                // a body that ends with the connection has ended
	lease  pool.Lease
	leased bool
	// Conn's or Stream's, so that who waits need not know which it is.
	readable *loop.Event
	bind     conn.Addr // local address to connect from; not valid = any

	secured bool            // its connections are
	tls     *peertls.Target // to whom, and as whom; nil until a peer is chosen, and of plain ones

	key     Key
	races   int          // reused connections that died under this request
	fresh   bool         // the next try is to be on a connection dialled for it
	started loop.Instant // when a backend was first wanted

	wrote         bool // a byte of the request has been written on this connection
	unsent        bool // the response came before the whole request was sent
	answered      bool // a byte of the response has been read
	ended         bool // the response has been read to its end and the connection given back
	upgraded      bool
	buffering     bool         // proxy_buffering, or what X-Accel-Buffering said
	lastSent      bool         // the end of the body has been handed to the client's side
	interims      int          // 1xx answers so far
	read0, wrote0 int64        // the connection's counters when the try began
	SaysClose     bool         // the request that was built says that it is its connection's last
	present       uint32       // which of the fields that can be there once the head has
	body0         int64        // what it had read when the body began; 0 = none has been passed on
	rate          int64        // proxy_limit_rate, bytes per second; 0 = none
	resume        loop.Instant // nothing more is taken from the backend before it
	owed          []byte       // the rest of a piece that its rate does not allow yet, a view into x.In
	took          loop.Instant // when the client last took something, and how much it had by then
	tookBytes     int64
	began         loop.Instant // of the relay, and how much had been sent by then
	beganBytes    int64
	pipe          *conn.Splicer
	pair          [2][]byte
	scratch       [64]byte
}

// exchanges keeps the Exchange of a request for $upstream_* until the request ends, over internal redirects too.
var exchanges = core.NewLastingState[Exchange]()

// Of returns the exchange of r, or nil when it was never sent upstream.
func Of(r *core.Request) *Exchange { return exchanges.Get(r) }

// Reset prepares the object for another request.
func (x *Exchange) Reset() {
	x.In.drop()
	x.tried.Reset()
	x.store.reset()
	x.attempts = x.attempts[:0]
	x.Trailers = x.Trailers[:0]
	x.up.on, x.up.piece = false, nil
	x.progress = progress{}
}

// Run sends r to the group and answers it: the content handler of everything that proxies. Its connections are secured if the
// settings say how.
func Run(r *core.Request, set *Settings, group *Group, proto Protocol) core.Verdict {
	return run(r, set, group, proto, set.TLS != nil)
}

// RunPlain is Run without TLS, for an evaluated URL that does not ask for it.
func RunPlain(r *core.Request, set *Settings, group *Group, proto Protocol) core.Verdict {
	return run(r, set, group, proto, false)
}

// Secured says whether the request goes out over TLS.
func (x *Exchange) Secured() bool { return x.secured }

func run(r *core.Request, set *Settings, group *Group, proto Protocol, secured bool) core.Verdict {
	x := exchanges.Of(r)
	if len(x.attempts) > 0 { // sent upstream again by X-Accel-Redirect or error_page
		again := x.attempts
		x.Reset()
		x.attempts = again
	}
	redirected := len(x.attempts)
	x.R, x.Set, x.Group, x.Proto, x.secured = r, set, group, proto, secured
	r.UpstreamContext = appendUpstream
	defer x.close()
	if verdict := x.takeBody(); verdict != core.OK {
		return verdict
	}
	x.started = r.Loop.Now() // as in nginx, proxy_next_upstream_timeout does not count the client's time
	if !set.RequestDynamic {
		if err := proto.BuildRequest(x); err != nil {
			r.Error(logs.Error, "%v", err)
			return 500
		}
	}
	group.prepare(x)
	for {
		fault := x.try()
		if redirected > 0 && len(x.attempts) > redirected {
			x.attempts[redirected].Redirect = true
		}
		if fault == nil {
			return x.respond()
		}
		if verdict, again := x.after(fault); !again {
			return verdict
		}
	}
}

// try makes one attempt at one peer, up to an accepted response head.
func (x *Exchange) try() *Fault {
	if fault := x.connect(); fault != nil {
		return fault
	}
	attempt := x.attempt()
	if err := x.Proto.WriteRequest(x); err != nil {
		if isClient(err) {
			return &Fault{client: err}
		}
		// The backend may have answered and closed before it had read everything: its answer counts.
		if errors.Is(err, errAbort) || errors.Is(err, loop.ErrTimeout) || !x.In.tryFill(x) {
			return x.lost(err, sending, "writev()")
		}
		x.unsent = true
	}
	x.wrote = x.wrote || x.Stream != nil
	if err := x.Proto.ReadHead(x); err != nil {
		if isClient(err) {
			return &Fault{client: err}
		}
		return x.lost(err, readingHead, "recv()")
	}
	x.wrote = x.wrote || !x.unsent
	attempt.Header = x.R.Loop.Now().Sub(attempt.start)
	attempt.Status = x.Head.Status
	x.dropDuplicates()
	return x.judge()
}

// lost is the fault of a connection that failed before a response head. Where it was the idle race, the peer is not to
// blame, and the pool's rule says whether the request goes out again.
func (x *Exchange) lost(err error, at doing, call string) *Fault {
	if errors.Is(err, errAbort) && at == readingHead && x.Conn != nil && !x.answered {
		at = sending // nginx reads the head from when something of it is there
	}
	fault := faultOf(err, at, x.called(call))
	fault.at = at
	x.wrote = x.wrote || x.Conn != nil && x.Conn.BytesWritten != x.wrote0
	fault.race = pool.Race(pool.Failure{
		Reused: x.lease.Reused, Refused: refused(err), Died: fault.Condition == OnError, ResponseStarted: x.answered, RequestWritten: x.wrote,
		Replayable: x.body.replayable(), Idempotent: idempotent(x.R.Method), NonIdempotentOK: x.Set.Next&OnNonIdempotent != 0,
		Races: x.races,
	})
	fault.Harmless = fault.Harmless || fault.race.Race
	if refused(err) {
		x.wrote = !x.body.replayable() // as if it had not been sent
	}
	return fault
}

// judge says whether the response is one after which another peer is to be tried (proxy_next_upstream http_NNN).
func (x *Exchange) judge() *Fault {
	condition := statusConditions[x.Head.Status]
	if condition == 0 || x.Set.Next&condition == 0 || !x.another() || !x.mayRepeat() {
		return nil
	}
	return &Fault{Condition: condition, Status: x.Head.Status, at: readingHead, Harmless: condition&(OnHTTP403|OnHTTP404) != 0}
}

// after books a failed try and decides what is next: another one, or an answer to the client.
func (x *Exchange) after(fault *Fault) (verdict core.Verdict, again bool) {
	r := x.R
	if fault.client != nil {
		return x.clientFailed(fault.client), false
	}
	if fault.cause != "" {
		level := logs.Error
		if fault.Status == 499 || fault.race.Retry {
			level = logs.Info
		}
		r.Error(level, "%s", fault.cause)
	}
	if x.Peer == nil { // no live upstreams
		return core.Verdict(fault.Status), false
	}
	if fault.race.Retry {
		// The same peer again, on another connection: it did nothing wrong.
		x.races++
		x.fresh = fault.race.Fresh
		x.release(pool.UpstreamEOF)
		x.attempts = x.attempts[:len(x.attempts)-1]
		return 0, true
	}
	if fault.Status == 499 {
		x.attempt().Status = 0
	} else {
		x.attempt().Status = fault.Status
	}
	x.release(pool.Error)
	x.done(fault.blames())
	if fault.Status == 499 {
		r.LogStatus = 499
		return core.Close, false
	}
	if x.another() && x.Set.Next&fault.Condition != 0 && x.mayRepeat() {
		return 0, true
	}
	return core.Verdict(fault.Status), false
}

// another says whether there is a peer left to try. The set may have changed since the last try (a new resolution), so
// it is looked at anew.
func (x *Exchange) another() bool {
	if most := x.Set.NextTries; most > 0 && x.tried.Len() >= most {
		return false
	}
	return x.Group.peers.untried(&x.tried)
}

// mayRepeat says whether the request may be sent to another peer: time is left, its body can be sent again, and it
// either cannot have taken effect or may take effect twice (proxy_next_upstream, non_idempotent).
func (x *Exchange) mayRepeat() bool {
	if x.Set.NextTimeout > 0 && x.R.Loop.Now().Sub(x.started) >= x.Set.NextTimeout {
		return false
	}
	if !x.wrote {
		return true
	}
	return x.body.replayable() && (idempotent(x.R.Method) || x.Set.Next&OnNonIdempotent != 0)
}

// idempotent is nginx's rule: all methods but POST, LOCK and PATCH (proxy_next_upstream).
func idempotent(method []byte) bool {
	switch string(method) {
	case "POST", "LOCK", "PATCH":
		return false
	}
	return true
}

// attempt is the record of the try in progress.
func (x *Exchange) attempt() *Attempt { return &x.attempts[len(x.attempts)-1] }

// release gives the connection back. It is the one place where a lease of an exchange ends.
func (x *Exchange) release(why pool.Close) {
	if !x.leased {
		return
	}
	x.measure()
	attempt := x.attempt()
	if x.Stream != nil {
		x.Stream.Release()
		x.Stream, x.up.on = nil, false
	}
	if ended := x.lease.Release(why); ended != pool.Kept {
		attempt.Closed = ended.String()
	}
	x.Conn, x.leased = nil, false
	x.In.drop()
}

// measure notes how much has gone to and come from the backend in this try so far.
func (x *Exchange) measure() {
	switch attempt := x.attempt(); {
	case x.Conn != nil:
		attempt.Received, attempt.Sent = x.Conn.BytesRead-x.read0, x.Conn.BytesWritten-x.wrote0
		if x.body0 > 0 {
			attempt.Length = x.Conn.BytesRead - x.body0
		}
	case x.Stream != nil:
		attempt.Received, attempt.Sent = x.Stream.Traffic()
	}
}

// done gives the peer back to the balancer. failed is what was being done when it failed, "" if it did not.
func (x *Exchange) done(failed doing) {
	if x.Peer == nil {
		return
	}
	attempt, now := x.attempt(), x.R.Loop.Now()
	attempt.Total = now.Sub(attempt.start)
	outcome := Outcome{Failed: failed != "", Header: max(attempt.Header, 0), Total: attempt.Total}
	if x.Group.peers.Done(x.Peer, outcome, now) {
		x.R.Error(logs.Warn, "upstream server temporarily disabled while %s", failed)
	}
	x.Peer = nil
}

// finish ends a response that has been read to its end: the connection goes back before the client has the last byte,
// so that the next request finds it.
func (x *Exchange) finish() {
	if x.ended {
		return
	}
	x.ended = true
	why, hint := x.Proto.Fate(x)
	switch {
	case x.In.Len() > 0:
		why = pool.UnexpectedData
		x.R.Error(logs.Warn, "%s while %s", tooMuch(x.Head.Framing), readingBody)
	case why != pool.Kept:
	case x.unsent:
		why = pool.RequestUnsent
	}
	x.lease.KeepAlive(hint)
	x.release(why)
	x.done("")
}

// tooMuch is what nginx says of bytes behind a response.
func tooMuch(framing http1.Framing) string {
	if framing == http1.ByChunks {
		return "upstream sent data after final chunk"
	}
	return "upstream sent more data than specified in \"Content-Length\" header"
}

// close leaves nothing behind, however the exchange ended.
func (x *Exchange) close() {
	why := pool.ResponseUnread
	if x.upgraded {
		why = pool.Upgraded
	}
	x.wait.Cancel()
	x.release(why)
	x.done("")
	x.closePipe()
}

// readDeadline is when a wait for the backend's next bytes has lasted proxy_read_timeout.
func (x *Exchange) readDeadline() loop.Instant { return deadline(x.R.Loop.Now(), x.Set.ReadTimeout) }

func deadline(now loop.Instant, timeout time.Duration) loop.Instant {
	if timeout <= 0 {
		return 0
	}
	return now.Add(timeout)
}

// Fill waits for bytes from the backend and adds them to x.In: the way a protocol reads a head. It also notices a
// client that has gone.
func (x *Exchange) Fill() error {
	until := x.readDeadline()
	for {
		n, err := x.In.read(x.Conn)
		if err == conn.ErrAgain {
			n, err = x.arrive(until)
		}
		if n > 0 {
			x.answered = true
			return nil
		}
		if err != conn.ErrAgain {
			return err
		}
	}
}

// arrive has the loop read to x.In what comes next, and waits for it, unless the client goes first and that matters.
func (x *Exchange) arrive(until loop.Instant) (int, error) {
	var gone *loop.Event
	if x.mindsClient() {
		gone = x.R.Down.Gone()
	}
	n, err := x.arrival.Read(x.Conn, x.In.space(), until, gone)
	x.In.w += n
	if err == conn.ErrAgain && gone != nil && !x.Conn.Readable().IsSet() && x.R.Down.ClientGone() {
		return 0, errAbort
	}
	return n, err
}

// TryFill is Fill in the middle of a body: it uses a large buffer, and gives conn.ErrAgain instead of waiting.
func (x *Exchange) TryFill() error {
	n, err := x.In.readLarge(x.Conn)
	if n > 0 {
		return nil
	}
	return err
}

// premature is the end of input where more was due.
func premature(err error) error {
	if err == io.EOF {
		return errClosed
	}
	return err
}

// closeReason names, for the pool, an error on the connection.
func closeReason(err error) pool.Close {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errClosed):
		return pool.UpstreamEOF
	}
	return pool.Error
}
