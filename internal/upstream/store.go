package upstream

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
)

// store holds what the backend has sent and the client has not taken yet: first in memory, as much as proxy_buffers
// allow, then in a temporary file up to proxy_max_temp_file_size. First in, first out: once something is in the file,
// what follows goes there too, until the file has been sent.
type store struct {
	mem      []byte // mem[sent:] is waiting
	sent     int
	file     *os.File
	name     string
	from, to int64 // file[from:to] is waiting
	written  int64 // in all, for proxy_max_temp_file_size
	warned   bool
}

// sendPiece is how much of the file is handed on at once, so that the client's pending output stays small.
const sendPiece = 1 << 20

// pending says whether anything waits.
func (s *store) pending() bool { return s.sent < len(s.mem) || s.from < s.to }

// room says whether more may be stored; in the file only for a slow client.
func (s *store) room(set *Settings, slow bool) bool {
	return s.memRoom(set) > 0 || (slow || s.from < s.to) && s.written < set.MaxTempFile
}

// memRoom is how many bytes memory still takes; none while the file has some waiting.
func (s *store) memRoom(set *Settings) int {
	if s.from < s.to {
		return 0
	}
	return max(0, set.BufferCount*int(set.BufferSize)-len(s.mem))
}

// add stores a piece of the body. It may exceed the bound by what one read brought.
func (s *store) add(x *Exchange, data []byte) error {
	if s.memRoom(x.Set) > 0 || x.Set.MaxTempFile == 0 {
		s.mem = append(s.mem, data...)
		return nil
	}
	if s.file == nil {
		var err error
		x.R.Loop.Await(func() { s.file, s.name, err = x.Set.TempFilePath.Create() })
		if err != nil {
			return &localError{err}
		}
		os.Remove(s.name) // it lives as long as it is open
		x.R.CloseAtEnd(s.file)
	}
	if !s.warned {
		s.warned = true
		x.R.Error(logs.Warn, "an upstream response is buffered to a temporary file %s while reading upstream", s.name)
	}
	n, err := s.file.WriteAt(data, s.to)
	s.to += int64(n)
	s.written += int64(n)
	if err != nil {
		return &localError{err}
	}
	return nil
}

// send hands the oldest stored piece to the client, which is not congested.
func (s *store) send(r *core.Request) error {
	if s.sent < len(s.mem) {
		piece := s.mem[s.sent:]
		s.sent = len(s.mem)
		err := r.Send(core.Chunk{Mem: piece})
		s.mem, s.sent = s.mem[:0], 0
		return err
	}
	n := min(s.to-s.from, sendPiece)
	c := core.Chunk{File: conn.FileOf(s.file), Off: s.from, Len: n}
	s.from += n
	return r.Send(c)
}

// reset forgets everything; the file is closed with the request. A buffer of ordinary size is kept for the next request.
func (s *store) reset() {
	if s.mem == nil && s.file == nil {
		return
	}
	mem := s.mem[:0]
	if cap(mem) > 256<<10 {
		mem = nil
	}
	*s = store{mem: mem}
}

// localError is a failure of this machine, not of the backend or the client: a full disk, say.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// cause is the failure in nginx's words: `open() "PATH" failed (13: Permission denied)`.
func (e *localError) cause() string {
	var path *os.PathError
	var errno syscall.Errno
	if !errors.As(e.err, &path) || !errors.As(path.Err, &errno) {
		return e.err.Error()
	}
	return fmt.Sprintf("%s() \"%s\" failed (%s)", path.Op, path.Path, errnoText(errno))
}
