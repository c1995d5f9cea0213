package ssl

import (
	"os"

	"hearth/internal/core"
	"hearth/internal/secure"
)

// keyLog is ssl_key_log: crypto/tls writes secrets to it. All servers that name a file share it, and it is closed when no
// configuration names it any more.
type keyLog struct {
	name secure.File
	file *openKeyLog
}

type openKeyLog struct {
	file *os.File
	err  error
}

// Close ends it, if it was ever open.
func (o *openKeyLog) Close() {
	if o.err == nil {
		o.file.Close()
	}
}

func (k *keyLog) open(g *core.Generation) error {
	if !k.name.IsSet() {
		return nil
	}
	k.file = core.Carry(g.Carried, "ssl_key_log", k.name.Name, func() *openKeyLog {
		f, err := os.OpenFile(k.name.Name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		return &openKeyLog{f, err}
	})
	if k.file.err != nil {
		return k.name.Pos.Errorf("%s", secure.OpenFailed(k.name.Name, k.file.err))
	}
	return nil
}

// Write adds a line of secrets.
func (k *keyLog) Write(line []byte) (int, error) { return k.file.file.Write(line) }
