package upstream

import (
	"strconv"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/text"
)

// serverLine is one `server` of an upstream block, with the addresses its name had when the configuration was read.
type serverLine struct {
	name    string // as written
	id      string // what it is known by over generations, see identify
	at      endpoint
	addrs   []conn.Addr
	params  Params
	resolve bool   // follow the name's addresses by their time to live
	service string // SRV record to look up, e.g. "http" for _http._tcp.NAME
}

// defaultParams are those of a server without parameters.
var defaultParams = Params{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}

// parseServer reads `server ADDRESS [PARAMETERS]` (ngx_http_upstream_module, "server").
func parseServer(c *conf.Cursor, args []string) (serverLine, error) {
	s := serverLine{name: args[0], params: defaultParams}
	m := &roundRobin
	if b := blocks.Of(c.In()); b.method != nil {
		m = b.method
	}
	for _, arg := range args[1:] {
		if err := s.parameter(c, m, arg); err != nil {
			return s, err
		}
	}
	var why string
	if s.at, why = parseEndpoint(s.name, 80); why != "" {
		return s, c.Errorf("%s in upstream \"%s\"", why, s.name)
	}
	switch {
	case s.service != "" && !s.resolve:
		return s, c.Errorf("service upstream \"%s\" requires \"resolve\" parameter", s.name)
	case s.service != "" && !s.at.noPort:
		return s, c.Errorf("service upstream \"%s\" may not have port", s.name)
	case s.at.literal():
		s.resolve = false // there is nothing to resolve
	case s.resolve:
		return s, nil // looked up while running
	}
	if s.addrs = s.at.lookup(); len(s.addrs) == 0 {
		return s, c.Errorf("host not found in upstream \"%s\"", s.name)
	}
	return s, nil
}

// parameter applies one parameter.
func (s *serverLine) parameter(c *conf.Cursor, m *method, arg string) error {
	key, value, assigned := strings.Cut(arg, "=")
	ok := true
	number := func(p *int, least int) {
		n, err := strconv.ParseUint(value, 10, 31)
		*p, ok = int(n), err == nil && int(n) >= least
	}
	switch {
	case key == "weight" && assigned:
		number(&s.params.Weight, 1)
	case key == "max_conns" && assigned:
		number(&s.params.MaxConns, 0)
	case key == "max_fails" && assigned:
		number(&s.params.MaxFails, 0)
	case key == "fail_timeout" && assigned:
		s.params.FailTimeout, ok = text.ParseSeconds(value)
	case key == "slow_start" && assigned:
		s.params.SlowStart, ok = text.ParseTime(value)
	case key == "service" && assigned:
		if s.service = value; value == "" {
			return c.Errorf("service is empty")
		}
	case arg == "backup":
		if !m.backup {
			return c.Errorf("balancing method does not support parameter \"%s\"", arg)
		}
		s.params.Backup = true
	case arg == "down":
		s.params.Down = true
	case arg == "resolve":
		s.resolve = true
	default:
		ok = false
	}
	if !ok {
		return c.Errorf("invalid parameter \"%s\"", arg)
	}
	return nil
}

// record is the name of the SRV record of a line with service= (ngx_http_upstream_module, "service"): a service
// without a dot is one over TCP.
func (s *serverLine) record() string {
	if strings.Contains(s.service, ".") {
		return s.service + "." + s.at.host
	}
	return "_" + s.service + "._tcp." + s.at.host
}
