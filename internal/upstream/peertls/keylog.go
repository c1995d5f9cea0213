package peertls

import (
	"os"

	"hearth/internal/secure"
)

// keyLog writes secrets to a file, for who decrypts recorded traffic (draft-ietf-tls-keylogfile). It is opened for each
// line: so it can be moved away, and a configuration that is no more leaves nothing open. Nobody who asks for this
// minds that it takes time.
type keyLog string

// Write never fails: the connection matters more.
func (name keyLog) Write(line []byte) (int, error) {
	if f, err := name.open(); err == nil {
		f.Write(line)
		f.Close()
	}
	return len(line), nil
}

func (name keyLog) open() (*os.File, error) {
	return os.OpenFile(string(name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// logKeys makes sure that the file can be written.
func (s *Settings) logKeys(r *Rules) error {
	if !s.keyLog.IsSet() {
		return nil
	}
	name := keyLog(s.keyLog.Name)
	f, err := name.open()
	if err != nil {
		return s.keyLog.Pos.Errorf("%s", secure.OpenFailed(s.keyLog.Name, err))
	}
	r.config.KeyLogWriter = name
	return f.Close()
}
