package pool

// Failure is how an exchange on a leased connection failed, for Race to judge.
type Failure struct {
	Reused          bool // the connection had been idle in the pool
	Died            bool // it ended or broke (EOF, reset, broken pipe); a timeout is not that
	ResponseStarted bool // a byte of the response had arrived
	RequestWritten  bool // a byte of the request had been handed to the system
	Replayable      bool // all of the request that was sent is still in the buffer
	Idempotent      bool // the method is (RFC 9110, section 9.2.2)
	NonIdempotentOK bool // proxy_next_upstream ... non_idempotent
	Refused         bool // the peer has said that it has processed nothing of the request
	Races           int  // races this request has lost before
}

// maxRefused is how many refusals are taken for bad luck.
const maxRefused = 2

// Verdict is what a failed exchange means for the pool's user.
type Verdict struct {
	Race  bool // the idle race: the peer is not to blame, max_fails does not count it
	Retry bool // send it again, on another connection to the same peer; proxy_next_upstream is not asked
	Fresh bool // that one has to be dialled
}

// Race decides whether a failure was the idle race (a backend closing an idle connection just as the
// request went out) and whether the request may be sent again. Anything else is proxy_next_upstream's.
//
// A request that went out may have been carried out, even though no answer came. So one that is not
// idempotent is sent again only if nothing of it was written or the configuration allows it. The
// second time a connection is dialled, so a request can lose two races at most.
//
// A request that the peer has refused (RFC 9113, section 8.7) can always be sent again. It is not a failure of the peer
// until it has happened twice: then it is proxy_next_upstream's.
func Race(f Failure) Verdict {
	if f.Refused && f.Races < maxRefused && !f.ResponseStarted {
		return Verdict{Race: true, Retry: f.Replayable, Fresh: f.Replayable && f.Races > 0}
	}
	if !f.Reused || !f.Died || f.ResponseStarted {
		return Verdict{}
	}
	safe := !f.RequestWritten || f.Replayable && (f.Idempotent || f.NonIdempotentOK)
	return Verdict{Race: true, Retry: safe, Fresh: safe && f.Races > 0}
}
