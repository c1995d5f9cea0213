package secure

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"hearth/internal/conf"
)

// File is a file that a directive names, or, for certificates and keys, data:PEM; and where that stands.
type File struct {
	Name string
	Pos  conf.Pos
}

// ParseFile takes the name of a file, relative to the configuration's directory. "" switches an inherited one off.
func ParseFile(c *conf.Cursor, args []string) (File, error) {
	if args[0] == "" {
		return File{}, nil
	}
	return File{c.FullPath(args[0], true), c.Pos()}, nil
}

// ParseSource takes a certificate or key: a file, or data:PEM. Variables are the caller's.
func ParseSource(c *conf.Cursor, args []string) (File, error) {
	name := args[0]
	switch {
	case strings.HasPrefix(name, "data:"):
		return File{name, c.Pos()}, nil
	case strings.HasPrefix(name, "engine:"), strings.HasPrefix(name, "store:"):
		return File{}, c.Errorf("keys of engines and stores are not supported by hearth yet in the \"%s\" directive", c.Name())
	}
	return ParseFile(c, args)
}

// ParseWord takes any word, and where it stands.
func ParseWord(c *conf.Cursor, args []string) (File, error) { return File{args[0], c.Pos()}, nil }

// IsSet tells whether there is one.
func (f File) IsSet() bool { return f.Name != "" }

// Shown is how a message names it.
func (f File) Shown() string {
	if strings.HasPrefix(f.Name, "data:") {
		return "data:"
	}
	return f.Name
}

// Read returns what is in it. The error is the system's; OpenSSLError or OpenFailed make nginx's words of it.
func (f File) Read() ([]byte, error) {
	if data, ok := strings.CutPrefix(f.Name, "data:"); ok {
		return []byte(data), nil
	}
	return os.ReadFile(f.Name)
}

// OpenSSLError is what OpenSSL says of a file that cannot be opened.
func OpenSSLError(name string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "SSL: " + err.Error()
	}
	last := "error:10080002:BIO routines::system lib"
	if errno == syscall.ENOENT {
		last = "error:10000080:BIO routines::no such file"
	}
	return fmt.Sprintf("SSL: error:8000%04X:system library::%s:calling fopen(%s, r) %s", int(errno), reason(errno), name, last)
}

// OpenFailed is nginx's message for a file that it opens itself.
func OpenFailed(name string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Sprintf("open() \"%s\" failed (%s)", name, err)
	}
	return fmt.Sprintf("open() \"%s\" failed (%d: %s)", name, int(errno), reason(errno))
}

// reason is strerror's text.
func reason(errno syscall.Errno) string {
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
