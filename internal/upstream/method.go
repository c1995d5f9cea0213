package upstream

import (
	"hearth/internal/conf"
	"hearth/internal/core"
)

// method is a balancing method as the configuration names it.
type method struct {
	name   string
	backup bool // it takes backup servers
	make   func(b *block, s *Peers) Balancer
}

var (
	roundRobin = method{"round_robin", true, func(_ *block, s *Peers) Balancer { return NewRoundRobin(s) }}
	ipHash     = method{"ip_hash", false, func(_ *block, s *Peers) Balancer { return NewIPHash(s) }}
	leastConn  = method{"least_conn", true, func(_ *block, s *Peers) Balancer { return NewLeastConn(s) }}
	plainHash  = method{"hash", false, func(_ *block, s *Peers) Balancer { return NewHash(s) }}
	ketama     = method{"hash", false, func(_ *block, s *Peers) Balancer { return NewKetama(s) }}
	random     = method{"random", false, func(b *block, s *Peers) Balancer { return NewRandom(s, betterOf(b.better)) }}
	leastTime  = method{"least_time", true, func(b *block, s *Peers) Balancer {
		if b.average == "last_byte" {
			return NewLeastTime(s, LastByteTime)
		}
		return NewLeastTime(s, HeaderTime)
	}}
)

// betterOf is how `random two METHOD` compares.
func betterOf(name string) func(p, q *Peer) bool {
	switch name {
	case "":
		return nil
	case "least_time=header":
		return func(p, q *Peer) bool { return quicker(HeaderTime, p, q) }
	case "least_time=last_byte":
		return func(p, q *Peer) bool { return quicker(LastByteTime, p, q) }
	}
	return (*Peer).lessBusy
}

// use makes m the block's method.
func (b *block) use(c *conf.Cursor, m *method) {
	if b.method != nil {
		c.Warnf("load balancing method redefined")
	}
	b.method = m
}

// method0 is the row of a method without arguments.
func method0(name, doc string, m *method) conf.Directive {
	return conf.Custom(blocks, conf.Directive{Name: name, In: inUpstream, Args: conf.NoArgs, Doc: doc},
		func(c *conf.Cursor, _ *conf.Block, b *block, _ []string) error {
			b.use(c, m)
			return nil
		})
}

func setHash(c *conf.Cursor, _ *conf.Block, b *block, args []string) error {
	key, err := core.CompileValue(c, args[0])
	if err != nil {
		return err
	}
	b.use(c, &plainHash)
	b.hash = key
	if len(args) == 2 {
		if args[1] != "consistent" {
			return c.Errorf("invalid parameter \"%s\"", args[1])
		}
		b.method = &ketama
	}
	return nil
}

func setRandom(c *conf.Cursor, _ *conf.Block, b *block, args []string) error {
	b.use(c, &random)
	if len(args) == 0 {
		return nil
	}
	if args[0] != "two" {
		return c.Errorf("invalid parameter \"%s\"", args[0])
	}
	b.better = "least_conn"
	if len(args) == 2 {
		switch args[1] {
		case "least_conn", "least_time=header", "least_time=last_byte":
			b.better = args[1]
		default:
			return c.Errorf("invalid parameter \"%s\"", args[1])
		}
	}
	return nil
}

func setLeastTime(c *conf.Cursor, _ *conf.Block, b *block, args []string) error {
	switch args[0] {
	case "header", "last_byte":
		b.average = args[0]
	default:
		return c.Errorf("invalid parameter \"%s\"", args[0])
	}
	if len(args) == 2 && args[1] != "inflight" {
		return c.Errorf("invalid parameter \"%s\"", args[1])
	}
	b.use(c, &leastTime)
	return nil
}
