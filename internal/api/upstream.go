package api

import (
	"math"
	"time"

	"hearth/internal/conn"
	"hearth/internal/pool"
	"hearth/internal/stats"
	"hearth/internal/upstream"
)

// Upstream is an upstream of the configuration, or one that a proxy_pass made by naming an address.
type Upstream struct {
	Peers     []Peer    `json:"peers"`
	Keepalive int64     `json:"keepalive"` // idle connections
	Zombies   int       `json:"zombies"`   // peers that have left and still serve requests
	Zone      string    `json:"zone,omitempty"`
	NotKept   []NotKept `json:"not_kept,omitempty"`
	Pool      Pool      `json:"pool"`
}

// NotKept says of a location that passes requests here why their connections are never used again.
type NotKept struct {
	Location  string `json:"location"`
	Directive string `json:"directive"`
	At        string `json:"at"` // FILE:LINE of the location
}

// Peer is a server at one address. Times are milliseconds, moving averages.
type Peer struct {
	ID           int      `json:"id"`
	Server       string   `json:"server"`
	Name         string   `json:"name"`
	Backup       bool     `json:"backup"`
	Weight       int      `json:"weight"`
	State        string   `json:"state"` // up, down, unavail
	Active       int      `json:"active"`
	MaxConns     int      `json:"max_conns,omitempty"`
	Requests     int64    `json:"requests"`
	Fails        int64    `json:"fails"`
	Unavail      int64    `json:"unavail"`
	HeaderTime   float64  `json:"header_time,omitempty"`
	ResponseTime float64  `json:"response_time,omitempty"`
	Pool         *Figures `json:"pool,omitempty"` // of the address; nil before its first connection
}

// Figures are those of the keepalive pool. Their words are those of docs/POOL.md; times are milliseconds.
type Figures struct {
	Idle        int64            `json:"idle"`
	Active      int64            `json:"active"` // leases out
	Peak        int64            `json:"peak"`   // most leases at once; of an upstream the sum over its peers
	Leases      int64            `json:"leases"` // reused and dialled
	Reused      int64            `json:"reused"`
	Dials       int64            `json:"dials"` // connections made
	DialsFailed int64            `json:"dials_failed"`
	Full        int64            `json:"full"` // leases refused by max_conns
	ReuseRatio  float64          `json:"reuse_ratio"`
	OldestIdle  float64          `json:"oldest_idle"`
	Learned     float64          `json:"learned_timeout,omitempty"` // idle time the peer was seen to allow, less the margin
	Misses      map[string]int64 `json:"misses"`                    // why connections were dialled
	Closes      map[string]int64 `json:"closes"`                    // why they were closed
	Connect     Distribution     `json:"connect_time"`
	Handshake   Distribution     `json:"handshake_time"` // TLS
	PerConn     Distribution     `json:"requests_per_connection"`
}

// Pool is an upstream's part of the pool: its figures, its limits, and what size it should have.
type Pool struct {
	Figures
	Limits Limits `json:"limits"`
	Sizing Sizing `json:"sizing"`
}

// Limits are the pool's directives. Times are milliseconds.
type Limits struct {
	Keepalive int     `json:"keepalive"` // for each loop
	Local     bool    `json:"local"`
	Loops     int     `json:"loops"`
	Idle      int     `json:"idle"` // in all: keepalive for each loop
	Requests  int     `json:"keepalive_requests"`
	Time      float64 `json:"keepalive_time"`
	Timeout   float64 `json:"keepalive_timeout"`
	Min       int     `json:"keepalive_min"`
	Learn     bool    `json:"keepalive_learn"`
}

// Sizing is what the traffic since the upstream was made asks of `keepalive`, see package pool.
type Sizing struct {
	Rate      float64 `json:"leases_per_second"`
	Busy      float64 `json:"busy"`          // connections in use on average, by Little's law
	Suggested int     `json:"suggested"`     // `keepalive` that keeps the peak
	Little    int     `json:"little"`        // `keepalive` that keeps the average
	Thumb     int     `json:"rule_of_thumb"` // the tutorials' formula
}

// Distribution is a summary of a histogram.
type Distribution struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func upstreamOf(v *upstream.View) Upstream {
	u := Upstream{Peers: []Peer{}, Keepalive: v.Pool.Idle, Zone: v.Zone, Pool: poolOf(v)}
	byAddr := map[conn.Addr]*pool.PeerStats{}
	for i := range v.Pool.Peers {
		p := &v.Pool.Peers[i]
		byAddr[p.Addr] = p
		if p.Removed {
			u.Zombies++
		}
	}
	for i := range v.Peers {
		u.Peers = append(u.Peers, peerOf(i, &v.Peers[i], byAddr[v.Peers[i].Addr]))
	}
	for _, n := range v.NotKept {
		u.NotKept = append(u.NotKept, NotKept{n.Location, n.Directive, n.Pos.String()})
	}
	return u
}

func peerOf(id int, v *upstream.PeerView, figures *pool.PeerStats) Peer {
	p := Peer{
		ID: id, Server: v.Server, Name: v.Name, Backup: v.Backup, Weight: v.Weight, State: "up", Active: v.Active, MaxConns: v.MaxConns,
		Requests: v.Requests, Fails: v.Failures, Unavail: v.Aways, HeaderTime: ms(v.Header), ResponseTime: ms(v.Total),
	}
	switch {
	case v.Down:
		p.State = "down"
	case v.Away:
		p.State = "unavail"
	}
	if figures != nil {
		f := figuresOf(&figures.Figures)
		f.Learned = ms(figures.Learned)
		p.Pool = &f
	}
	return p
}

func poolOf(v *upstream.View) Pool {
	l := v.Pool.Limits
	s := pool.SizingOf(&pool.GroupStats{At: v.Pool.Since}, &v.Pool)
	return Pool{
		Figures: figuresOf(&v.Pool.Figures),
		Limits: Limits{
			Keepalive: v.Keepalive, Local: v.Local, Loops: v.Pool.Loops, Idle: l.Idle, Requests: l.Requests, Time: ms(l.MaxAge),
			Timeout: ms(l.IdleTimeout), Min: l.Min, Learn: l.Learn,
		},
		Sizing: Sizing{Rate: round(s.Rate), Busy: round(s.Busy), Suggested: s.Suggested, Little: s.Little, Thumb: s.Thumb},
	}
}

func figuresOf(f *pool.Figures) Figures {
	to := Figures{
		Idle: f.Idle, Active: f.Active, Peak: f.Peak, Leases: f.Leases(), Reused: f.Reuses, Dials: f.Dials, DialsFailed: f.DialsFailed,
		Full: f.Full, ReuseRatio: round(f.ReuseRatio()), OldestIdle: ms(f.OldestIdle),
		Misses: map[string]int64{}, Closes: map[string]int64{},
		Connect: summary(&f.Connect, 1e-3), Handshake: summary(&f.Handshake, 1e-3), PerConn: summary(&f.PerConn, 1),
	}
	for _, why := range pool.Misses() {
		to.Misses[why.String()] = f.MissesBy[why]
	}
	for _, why := range pool.Closes() {
		to.Closes[why.String()] = f.ClosesBy[why]
	}
	return to
}

// summary is a histogram's, in a unit of which one of the histogram's own is so much.
func summary(d *stats.Distribution, unit float64) Distribution {
	return Distribution{
		Count: d.Count, Mean: round(d.Mean() * unit), P50: round(float64(d.Quantile(0.5)) * unit),
		P99: round(float64(d.Quantile(0.99)) * unit), Max: round(float64(d.Max) * unit),
	}
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps six digits behind the point: a reuse ratio of one in a million less than 1 is not 1.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }
