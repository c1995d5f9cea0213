package frontend

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http2"
	"hearth/internal/loop"
)

// bufferSize is that of the read and output buffers in a shard's free list. A head or output that needs more gets memory
// of its own, which is let go of when the request ends.
const bufferSize = 16 << 10

// What a shard keeps for reuse however quiet it is, and how often it looks for more than that.
const (
	spareSessions = 16
	spareBuffers  = 32
	trimEvery     = 10 * time.Second
)

// shard is one loop's part of the frontend. Only its loop touches it, but for the published counters.
type shard struct {
	loop   *loop.Loop
	engine *engine

	idle      connList // new and kept-alive connections without a request, the longest idle first
	lingering connList // those that have been answered and closed, and may still be sending
	active    connList // those with a session

	sessions freeList[*session]
	buffers  freeList[[]byte]
	trim     loop.Timer

	streams  freeList[*h2Stream]
	h2memory http2.Memory
	h2opt    *http2.Options // for the server h2of
	h2of     *core.ServerConf

	date     dateCache
	scratch  []byte // what lingering connections, and those of HTTP/2, are read into
	draining bool   // no connection is kept alive any more

	counters counters
}

type shardKey struct{}

// shardOf returns the loop's shard, made at first use. It is called once for a connection.
func shardOf(l *loop.Loop) *shard {
	if sh, ok := l.Value(shardKey{}).(*shard); ok {
		return sh
	}
	sh := &shard{loop: l, engine: &coreEngine}
	sh.counters.register()
	l.SetValue(shardKey{}, sh)
	return sh
}

func (sh *shard) takeSession() *session {
	s, ok := sh.sessions.take()
	if !ok {
		s = newSession(sh)
	}
	return s
}

func (sh *shard) putSession(s *session) {
	sh.sessions.put(s)
	sh.trimLater(len(sh.sessions.items) > spareSessions)
}

// takeBuffer returns an empty buffer with room for bufferSize bytes.
func (sh *shard) takeBuffer() []byte {
	b, ok := sh.buffers.take()
	if !ok {
		b = make([]byte, 0, bufferSize)
	}
	return b
}

// putBuffer takes a buffer back. One that has grown is left to the garbage collector.
func (sh *shard) putBuffer(b []byte) {
	if cap(b) != bufferSize {
		return
	}
	sh.buffers.put(b[:0])
	sh.trimLater(len(sh.buffers.items) > spareBuffers)
}

func (sh *shard) scratchBuffer() []byte {
	if sh.scratch == nil {
		sh.scratch = make([]byte, scratchSize)
	}
	return sh.scratch
}

func (sh *shard) trimLater(wanted bool) {
	if wanted && !sh.trim.Pending() {
		sh.trim.Reset(sh.loop, sh.loop.Now().Add(trimEvery), sh)
	}
}

// OnTimer lets go of what a past burst needed.
func (sh *shard) OnTimer(*loop.Timer) {
	more := sh.sessions.trim(spareSessions)
	more = sh.streams.trim(spareSessions) || more
	more = sh.buffers.trim(spareBuffers) || more
	sh.trimLater(more)
}
