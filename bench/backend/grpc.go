package backend

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// grpcStreams is how many calls a connection may carry at once: what nginx allows as a server.
const grpcStreams = 128

// grpcConn is one connection of the gRPC backend. It answers every call with the same few bytes, and decodes no field: it
// only follows where a request ends, so that it stays cheap beside the proxy. One goroutine reads and writes, and what
// it has to say goes out when there is nothing more to read: calls that arrive together are answered together.
type grpcConn struct {
	*counting
	in     *bufio.Reader
	out    *bufio.Writer
	framer *http2.Framer
}

// The answer's parts, encoded so that they refer to no table.
var (
	grpcHead    = encodeFields(":status", "200", "content-type", "application/grpc")
	grpcMessage = append([]byte{0, 0, 0, 0, 4}, "\x0a\x02ok"...)
	grpcTrailer = encodeFields("grpc-status", "0", "grpc-message", "")
)

func encodeFields(list ...string) []byte {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	enc.SetMaxDynamicTableSize(0)
	for i := 0; i < len(list); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1], Sensitive: true})
	}
	// The encoder says first that its table is empty; that may be said once, by the first answer, or not at all.
	return bytes.TrimPrefix(block.Bytes(), []byte{0x20})
}

// serveGRPC serves one connection until either side ends it.
func (b *counting) serveGRPC(c net.Conn) {
	in := bufio.NewReaderSize(c, 64<<10)
	out := bufio.NewWriterSize(c, 64<<10)
	g := &grpcConn{counting: b, in: in, out: out, framer: http2.NewFramer(out, in)}
	if err := g.serve(); errors.Is(err, io.EOF) {
		b.closedByPeer.Add(1)
	}
}

func (g *grpcConn) serve() error {
	if _, err := io.CopyN(io.Discard, g.in, int64(len(http2.ClientPreface))); err != nil {
		return err
	}
	g.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: grpcStreams})
	g.framer.SetReuseFrames()
	for unread := uint32(0); ; {
		if g.in.Buffered() == 0 {
			if err := g.out.Flush(); err != nil {
				return err
			}
		}
		frame, err := g.framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				g.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				g.framer.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			raise(&g.peak, g.underWay.Add(1))
			if f.StreamEnded() {
				g.reply(f.StreamID)
			}
		case *http2.DataFrame:
			n := f.Header().Length
			g.bytes.Add(int64(n))
			if unread += n; unread > 1<<15 {
				g.framer.WriteWindowUpdate(0, unread)
				unread = 0
			}
			if f.StreamEnded() {
				g.reply(f.StreamID)
			}
		}
	}
}

// reply answers a call. The few bytes fit every window: whoever loads gives more than these back in time.
func (g *grpcConn) reply(stream uint32) {
	g.underWay.Add(-1)
	g.requests.Add(1)
	g.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: grpcHead, EndHeaders: true})
	g.framer.WriteData(stream, false, grpcMessage)
	g.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: grpcTrailer, EndHeaders: true, EndStream: true})
}
