package http2

// WriteData queues p as DATA, as much of it as the stream's window, the connection's and the limit of the output allow,
// and returns how much it took. end: nothing follows p; END_STREAM is sent if all of p was taken (also an empty p). When
// less was taken than offered, OnRoom is called for the stream once there is room. On a closed stream, and on one that
// has ended, it takes all and sends nothing.
func (w *Wire) WriteData(s *Stream, p []byte, end bool) (taken int) { panic("not yet") }

// Room is how much WriteData would take now; it does not ask for OnRoom.
func (w *Wire) Room(s *Stream) int { panic("not yet") }

// Reserve returns room for up to n bytes of DATA in the output itself, so that a file or a socket can be read straight
// into it: fewer, or none (OnRoom will be called), when there is less room. It must be followed by Commit before
// any other call.
func (w *Wire) Reserve(s *Stream, n int) []byte { panic("not yet") }

// Commit sends the first n bytes of what Reserve has returned as one frame; 0 sends nothing unless end is set.
func (w *Wire) Commit(s *Stream, n int, end bool) { panic("not yet") }

// Consumed gives the peer credit for n bytes that OnData has delivered. WINDOW_UPDATE is put off until it is worth a frame.
func (w *Wire) Consumed(s *Stream, n int) { panic("not yet") }

// Widen sets how much the peer may have in flight on this stream, if that is more than before: for an upload that is
// read as it comes.
func (w *Wire) Widen(s *Stream, window int) { panic("not yet") }
