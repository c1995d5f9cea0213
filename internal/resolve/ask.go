package resolve

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// patience is how long one server is waited for before the next is asked: short at first, longer each time round.
const (
	firstPatience = time.Second
	mostPatience  = 5 * time.Second
)

// aliasLimit bounds chains of CNAMEs that have to be asked for one by one.
const aliasLimit = 16

// resolve asks for q and follows its aliases.
func (r *Resolver) resolve(ctx context.Context, q question) (records, error) {
	least := time.Duration(1<<63 - 1)
	for range aliasLimit {
		got, err := r.ask(ctx, q)
		if err != nil {
			return got, err
		}
		got.ttl = min(got.ttl, least)
		if got.alias == "" {
			return got, nil
		}
		q.name, least = got.alias, got.ttl
	}
	return records{code: dnsmessage.RCodeServerFailure}, nil
}

// ask asks one server after the other, from a random one on, until one answers or ctx ends. A server that says that it
// cannot tell (server failure, refused, not implemented) is passed over; when all do, that is the answer.
func (r *Resolver) ask(ctx context.Context, q question) (records, error) {
	at := rand.IntN(len(r.conf.Servers))
	patience := firstPatience
	var failed records
	failures := 0
	for n := 0; ctx.Err() == nil; n++ {
		got, err := r.askOne(ctx, at, q, patience)
		at = (at + 1) % len(r.conf.Servers)
		switch {
		case err == nil && !cannotTell(got.code):
			return got, nil
		case errors.Is(err, errBadName):
			return records{code: dnsmessage.RCodeFormatError}, nil
		case err == nil:
			failed = got
			if failures++; failures >= len(r.conf.Servers) {
				return failed, nil
			}
		case !errors.Is(err, context.DeadlineExceeded):
			// It refused at once (no server there, or nonsense): do not spin.
			if n%len(r.conf.Servers) == len(r.conf.Servers)-1 {
				r.pause(ctx, patience)
			}
		}
		if n%len(r.conf.Servers) == len(r.conf.Servers)-1 {
			patience = min(2*patience, mostPatience)
		}
	}
	return records{}, ctx.Err()
}

func cannotTell(code dnsmessage.RCode) bool {
	return code != dnsmessage.RCodeSuccess && code != dnsmessage.RCodeNameError
}

func (r *Resolver) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// askOne asks one server, by TCP if its answer does not fit in a datagram.
func (r *Resolver) askOne(ctx context.Context, server int, q question, patience time.Duration) (got records, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, tcp := range [2]bool{false, true} {
		id := uint16(rand.Uint32())
		query, err := build(id, q)
		if err != nil {
			return got, errBadName
		}
		var bad error
		err = r.transport.Exchange(ctx, r.conf.Servers[server], tcp, query, func(msg []byte) bool {
			// What cannot be read, or answers something else, may be forged: the true answer may still come.
			got, bad = read(msg, id, q)
			return bad == nil || bad == errTruncated
		})
		if err != nil || bad == nil {
			return got, err
		}
	}
	return got, errTruncated
}
