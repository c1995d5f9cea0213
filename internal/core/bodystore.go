package core

import (
	"io"
	"os"

	"hearth/internal/logs"
)

// BufferBody reads the whole request body: up to client_body_buffer_size into memory, the rest of a larger one into a
// temporary file. Calling it again does nothing. Errors are those of ReadBody, or 500 when the file cannot be written.
func (r *Request) BufferBody() error {
	m := r.Main
	b := &m.body
	if b.stored {
		return nil
	}
	if !r.HasBody() {
		b.stored, b.err = true, io.EOF
		return nil
	}
	c := r.Location.Conf
	limit := c.ClientBodyBufferSize
	if n := r.Head.ContentLength; n >= 0 && n < limit+limit/4 && !r.Head.Chunked { // as nginx: a little more is no file
		limit = n
	}
	if int64(cap(b.buf)) < limit {
		b.buf = make([]byte, 0, limit)
	}
	b.buf = b.buf[:0]
	if c.ClientBodyInFileOnly != BodyFileOff {
		if err := r.openBodyFile(); err != nil {
			return err
		}
	}
	if err := r.storeBody(limit); err != nil {
		return err
	}
	b.stored = true
	return nil
}

func (r *Request) storeBody(limit int64) error {
	b := &r.Main.body
	for {
		if int64(len(b.buf)) == limit && limit > 0 && (b.file != nil || b.err == nil && !r.bodyComplete()) {
			if err := r.spillBody(); err != nil {
				return err
			}
		}
		room := b.buf[len(b.buf):limit]
		if limit == 0 || len(room) == 0 {
			room = make([]byte, 1)
		}
		n, err := r.ReadBody(room)
		b.buf = b.buf[:len(b.buf)+min(n, cap(b.buf)-len(b.buf))]
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if b.file != nil {
		return r.spillBody()
	}
	return nil
}

// bodyComplete tells whether every announced byte has been read.
func (r *Request) bodyComplete() bool {
	return !r.Head.Chunked && r.Main.body.size >= r.Head.ContentLength
}

// spillBody moves what is in memory to the file.
func (r *Request) spillBody() error {
	b := &r.Main.body
	if b.file == nil {
		if err := r.openBodyFile(); err != nil {
			return err
		}
		r.Error(logs.Warn, "a client request body is buffered to a temporary file %s", b.path)
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
