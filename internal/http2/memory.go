package http2

// Memory holds what the wires of one loop are not using: output buffers, stream records and the block that is being
// decoded. The zero value is ready. It belongs to the loop.
type Memory struct {
	buffers [bufferClasses][][]byte
	streams []*Stream
	block   *Block
}

// Buffers are of 16K, 32K, 64K and 128K; larger ones are not kept.
const (
	smallBuffer   = 16 << 10
	bufferClasses = 4
	keptBytes     = 2 << 20 // of each class
	keptStreams   = 1024
)

// buffer returns an empty buffer for at least n bytes.
func (m *Memory) buffer(n int) []byte {
	size := smallBuffer
	for class := range m.buffers {
		if n <= size {
			free := &m.buffers[class]
			if last := len(*free) - 1; last >= 0 {
				b := (*free)[last]
				*free = (*free)[:last]
				return b
			}
			return make([]byte, 0, size)
		}
		size *= 2
	}
	return make([]byte, 0, n+n/2)
}

func (m *Memory) putBuffer(b []byte) {
	size := smallBuffer
	for class := range m.buffers {
		if cap(b) == size {
			if free := &m.buffers[class]; len(*free)*size < keptBytes {
				*free = append(*free, b[:0])
			}
			return
		}
		size *= 2
	}
}

func (m *Memory) stream() *Stream {
	if last := len(m.streams) - 1; last >= 0 {
		s := m.streams[last]
		m.streams = m.streams[:last]
		return s
	}
	return new(Stream)
}

func (m *Memory) putStream(s *Stream) {
	*s = Stream{}
	if len(m.streams) < keptStreams {
		m.streams = append(m.streams, s)
	}
}

// takeBlock lends the block; it may be asked for a second time before it is back.
func (m *Memory) takeBlock() *Block {
	b := m.block
	if b == nil {
		return new(Block)
	}
	m.block = nil
	return b
}

func (m *Memory) putBlock(b *Block) {
	fields := b.Fields
	clear(fields)
	if cap(fields) > 256 {
		fields = nil
	}
	*b = Block{Fields: fields[:0]}
	m.block = b
}
