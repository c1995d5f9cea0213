package core

import (
	"io"
	"os"

	"hearth/internal/logs"
)

// BufferBody reads the whole request body: into memory up to client_body_buffer_size, or else into a temporary file.
// ReadBody then gives it from the beginning. Calling it again does nothing. Errors are those of ReadBody, and 500
// when the file cannot be written.
func (r *Request) BufferBody() error {
	b := &r.Main.body
	if b.stored {
		return nil
	}
	if !r.HasBody() {
		b.stored, b.buf = true, b.buf[:0]
		return nil
	}
	if size := r.bodyBuffer(); cap(b.buf) < size {
		b.buf = make([]byte, 0, size)
	} else {
		b.buf = b.buf[:0:size]
	}
	if err := r.storeBody(); err != nil {
		return err
	}
	if b.file != nil || r.Location.Conf.ClientBodyInFileOnly != BodyFileOff {
		if err := r.spillBody(); err != nil {
			return err
		}
	}
	b.stored = true
	return nil
}

// bodyBuffer is how much of the body is kept in memory. A body that is only a quarter larger than
// client_body_buffer_size gets that much more, as in nginx. One byte more than the limit tells a chunked body that
// fills it from one that goes on.
func (r *Request) bodyBuffer() int {
	limit := max(r.Location.Conf.ClientBodyBufferSize, 1)
	switch n := r.Head.ContentLength; {
	case r.Head.Chunked:
		return int(limit) + 1
	case n < limit+limit/4:
		return int(n)
	}
	return int(limit)
}

// storeBody reads to the end, moving what is in memory to the file each time it is full.
func (r *Request) storeBody() error {
	b := &r.Main.body
	for r.Head.Chunked || b.size < r.Head.ContentLength {
		if len(b.buf) == cap(b.buf) {
			if err := r.spillBody(); err != nil {
				return err
			}
		}
		n, err := r.ReadBody(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spillBody moves what is in memory to the file.
func (r *Request) spillBody() error {
	b := &r.Main.body
	if b.file == nil {
		if err := r.openBodyFile(); err != nil {
			return err
		}
		level := logs.Warn
		if r.Location.Conf.ClientBodyInFileOnly != BodyFileOff { // as it is meant to be
			level = logs.Notice
		}
		r.Error(level, "a client request body is buffered to a temporary file %s", b.path)
	}
	var err error
	r.Loop.Await(func() { _, err = b.file.Write(b.buf) })
	if err != nil {
		r.ErrorErr(logs.Crit, err, "pwrite() \"%s\" failed", b.path)
		return &BodyError{500, err}
	}
	b.buf = b.buf[:0]
	return nil
}

func (r *Request) openBodyFile() error {
	b := &r.Main.body
	var err error
	c := r.Location.Conf
	r.Loop.Await(func() { b.file, b.path, err = c.ClientBodyTempPath.Create() })
	if err != nil {
		r.ErrorErr(logs.Crit, err, "open() \"%s\" failed", b.path)
		return &BodyError{500, err}
	}
	return nil
}

// Stored is a request body that has been read: memory or a file. It can be read again and again.
type Stored struct {
	Mem  []byte
	File *os.File // nil, or where Size bytes from 0 are
	Path string   // $request_body_file
	Size int64
}

// Stored returns the body that BufferBody has read.
func (r *Request) Stored() Stored {
	b := &r.Main.body
	if b.file != nil {
		return Stored{File: b.file, Path: b.path, Size: b.size}
	}
	return Stored{Mem: b.buf, Size: int64(len(b.buf))}
}

// ReadAt reads from an offset, as io.ReaderAt does.
func (s Stored) ReadAt(p []byte, off int64) (int, error) {
	if s.File != nil {
		return s.File.ReadAt(p, off)
	}
	if off >= int64(len(s.Mem)) {
		return 0, io.EOF
	}
	n := copy(p, s.Mem[off:])
	if off+int64(n) == int64(len(s.Mem)) {
		return n, io.EOF
	}
	return n, nil
}
