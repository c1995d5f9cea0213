package ssl

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/secure"
	"hearth/internal/text"
)

// sessionMark stands in every ticket: what the session was made under. crypto/tls leaves this part of a ticket to us.
const sessionMark = "hearth1 "

// sessions sets how sessions are resumed: by tickets, which are good for ssl_session_timeout, and for a server with the same
// certificates and rules about those of clients only. (Each request's certificate is checked against its server's rules anyhow; a
// session that would be refused there is not resumed in the first place.)
func (v *serving) sessions(config *tls.Config, s *settings) error {
	keys, err := s.readTicketKeys()
	if err != nil {
		return err
	}
	if !s.tickets {
		config.SessionTicketsDisabled = true
		return nil
	}
	if len(keys) > 0 {
		v.tickets = new(tls.Config)
		v.tickets.SetSessionTicketKeys(keys)
	}
	made := append([]byte(sessionMark), v.digest()...)
	lifetime := s.timeout
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		if !marked(session, made) {
			at := binary.BigEndian.AppendUint64(bytes.Clone(made), uint64(time.Now().Unix()))
			session.Extra = append(session.Extra, at)
		}
		return v.tickets.EncryptTicket(state, session)
	}
	config.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		session, err := v.tickets.DecryptTicket(ticket, state)
		if err != nil || session == nil {
			return nil, err
		}
		for _, extra := range session.Extra {
			if rest, ok := bytes.CutPrefix(extra, made); ok && len(rest) == 8 {
				age := time.Now().Unix() - int64(binary.BigEndian.Uint64(rest))
				if age >= 0 && time.Duration(age)*time.Second < lifetime {
					return session, nil
				}
			}
		}
		return nil, nil
	}
	return nil
}

// carryTickets finds the keys of tickets where no file has them: they are the process's, so that a reload breaks no session.
// crypto/tls makes them, and a new one each day.
func (v *serving) carryTickets(g *core.Generation) {
	if v.tickets == nil {
		v.tickets = core.Carry(g.Carried, "ssl_session_ticket_key", "", func() *tls.Config { return new(tls.Config) })
	}
}

// digest tells servers apart between which no session may be resumed.
func (v *serving) digest() []byte {
	sum := sha256.New()
	sum.Write(v.rules.digest())
	for _, c := range v.certificates {
		sum.Write(c.Certificate.Certificate[0])
	}
	for _, s := range v.sources {
		sum.Write([]byte(s.Name + "\n"))
	}
	return sum.Sum(nil)
}

// marked tells whether a session has been wrapped before: a renewed ticket does not live longer than the first.
func marked(session *tls.SessionState, made []byte) bool {
	for _, extra := range session.Extra {
		if bytes.HasPrefix(extra, made) {
			return true
		}
	}
	return false
}

// readTicketKeys makes crypto/tls's keys of nginx's files, which hold a name and keys of other ciphers.
func (s *settings) readTicketKeys() (keys [][32]byte, err error) {
	for _, f := range s.ticketKeys {
		data, err := f.Read()
		switch {
		case err != nil:
			return nil, f.Pos.Errorf("%s", secure.OpenFailed(f.Name, err))
		case len(data) != 48 && len(data) != 80:
			return nil, f.Pos.Errorf("\"%s\" must be 48 or 80 bytes", f.Name)
		}
		keys = append(keys, sha256.Sum256(data))
	}
	return keys, nil
}

// minSharedCache is nginx's least size of a shared cache: eight pages.
const minSharedCache = 8 * 4096

// sessionCache checks `off | none | [builtin[:size]] [shared:name:size]`.
func sessionCache(c *conf.Cursor, args []string) (string, error) {
	for _, arg := range args {
		kind, rest, sized := strings.Cut(arg, ":")
		ok := false
		switch kind {
		case "off", "none":
			ok = !sized
		case "builtin":
			n, number := text.ParseDecimal(rest)
			ok = !sized || number && n > 0
		case "shared":
			name, size, _ := strings.Cut(rest, ":")
			n, number := text.ParseSize(size)
			if ok = name != "" && number; ok && n < minSharedCache {
				return "", c.Errorf("session cache \"%s\" is too small", arg)
			}
		}
		if !ok {
			return "", c.Errorf("invalid session cache \"%s\"", arg)
		}
	}
	return args[0], nil
}
