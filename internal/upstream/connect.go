package upstream

import (
	"hearth/internal/pool"
)

// connect gets the exchange a connection: the pool's, or a new one. Whatever it returns, the try has been recorded.
func (x *Exchange) connect() *Fault {
	r := x.R
	for !x.leased {
		if x.Peer == nil && !x.pick() {
			attempt := x.begin(x.Group.Name)
			attempt.Status, attempt.Total = 502, 0
			return &Fault{Status: 502, cause: "no live upstreams while " + string(connecting)}
		}
		if x.Set.dynamic() {
			if fault := x.adapt(); fault != nil {
				return fault
			}
		}
		if x.secured {
			x.tls = x.Set.TLS.For(r, x.Group.Name)
		}
		x.takeLease()
	}
	attempt := x.begin(x.Peer.Name)
	x.wrote, x.unsent, x.answered, x.ended = false, false, false, false
	x.Head = nil
	if x.Set.Streams != nil {
		return x.joinStream(attempt)
	}
	x.In.prepare(r.Loop, x.Set.HeadSize)
	if x.lease.Reused {
		attempt.Reused, attempt.Connect = true, 0
	} else {
		attempt.Dialled = x.lease.Miss.String()
		if err := x.dial(); err != nil {
			return faultOf(err, connecting, "connect()")
		}
	}
	attempt.Requests = x.lease.Requests
	x.readable = x.Conn.Readable()
	x.read0, x.wrote0 = x.Conn.BytesRead, x.Conn.BytesWritten
	return nil
}

// pick has the balancer choose a peer that was not tried yet.
func (x *Exchange) pick() bool {
	peer, err := x.Group.balancer.Pick(&x.key, &x.tried, x.R.Loop.Now())
	if err != nil {
		return false
	}
	x.Peer = peer
	x.tried.Add(peer)
	return true
}

// takeLease asks the pool for a connection to the peer, or for leave to dial one. A peer whose max_conns is used up,
// idle connections included, is given back: another one is to be picked.
func (x *Exchange) takeLease() {
	want := pool.Want{Fresh: x.fresh, NonIdempotent: !idempotent(x.R.Method)}
	if x.Set.Streams == nil {
		x.lease = x.Group.pool.Lease(x.R.Loop, x.Group.keyOf(x), want)
	} else {
		x.join(want)
	}
	if x.lease.Full {
		x.lease.Release(pool.Error)
		x.Group.peers.Done(x.Peer, Outcome{}, x.R.Loop.Now())
		x.Peer = nil
		return
	}
	x.leased, x.Conn = true, x.lease.Conn
}

// dial connects to the peer and gives the connection to the lease.
func (x *Exchange) dial() error {
	o := x.opener()
	c, took, err := o.Open(x.R.Loop, x.Peer.Addr)
	if err != nil {
		return err
	}
	x.attempt().Connect = took.Connect + took.Handshake // as in nginx, where connecting includes the handshake
	x.lease.Adopt(c, took)
	x.Conn = c
	return nil
}

// opener says how a connection of the request's is made.
func (x *Exchange) opener() pool.Opener {
	o := x.Set.opener(x.Group, x.tls)
	if x.bind.IsValid() {
		o.Options.Local, o.Options.Transparent = x.bind, x.Set.BindTransparent
	}
	return o
}
