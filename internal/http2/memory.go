package http2

// Memory holds what the wires of one loop are not using: output buffers and stream records. The zero value is ready.
type Memory struct{}
