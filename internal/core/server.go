package core

import (
	"os"
	"strings"

	"hearth/internal/conf"
)

// Server is one server block.
type Server struct {
	Block    *conf.Block
	Conf     *ServerConf
	Location *Location  // its own configuration, in force where no location was found
	TLS      *ServerTLS // nil without any of the ssl module's settings

	name    []byte // the first of its names: $server_name
	names   []serverName
	listens []*listen
	named   map[string]*Location // by name, the @ included
	order   int
}

// Name is the first of the server's names.
func (s *Server) Name() string { return string(s.name) }

// Location returns the named location (with its @), or nil.
func (s *Server) Named(name string) *Location { return s.named[name] }

// serverSlot has the Server of a server block.
var serverSlot = conf.NewSlot[Server](conf.Server)

// ServerOf returns the server that a block belongs to, or nil outside servers.
func ServerOf(b *conf.Block) *Server {
	if b.Outer(conf.Server) == nil {
		return nil
	}
	return serverSlot.Of(b)
}

// setServer reads a server block.
func setServer(c *conf.Cursor, outer *conf.Block, m *mainConf, _ []string) error {
	b := c.NewBlock(conf.Server)
	s := serverSlot.Of(b)
	s.Block, s.order = b, len(m.servers)
	s.named = map[string]*Location{}
	s.Location = locationSlot.Of(b)
	s.Location.Block, s.Location.Server = b, s
	m.servers = append(m.servers, s)
	if err := c.Block(b); err != nil {
		return err
	}
	if len(s.listens) == 0 {
		return m.listenDefault(c, s)
	}
	return nil
}

// setServerName parses `server_name name ...`.
func setServerName(c *conf.Cursor, b *conf.Block, s *Server, args []string) error {
	for _, arg := range args {
		n, err := parseServerName(c, arg)
		if err != nil {
			return err
		}
		if s.names == nil {
			s.name = []byte(strings.TrimPrefix(n.text, "."))
		}
		s.names = append(s.names, n)
	}
	return nil
}

// hostname is the machine's, in lower case.
var hostname = func() string {
	name, _ := os.Hostname()
	return strings.ToLower(name)
}()

func parseServerName(c *conf.Cursor, arg string) (serverName, error) {
	if strings.HasPrefix(arg, "~") {
		return parseServerRegex(c, arg)
	}
	if strings.Contains(arg, "/") {
		c.Warnf("server name \"%s\" has suspicious symbols", arg)
	}
	if arg == "$hostname" {
		arg = hostname
	}
	n, ok := readServerName(strings.ToLower(arg))
	if !ok {
		return n, c.Errorf("server name \"%s\" is invalid", arg)
	}
	return n, nil
}

// readServerName tells the forms of names apart, which are in lower case and no patterns.
func readServerName(name string) (n serverName, ok bool) {
	if strings.HasPrefix(name, "*") && (len(name) < 3 || name[1] != '.') || name == "." {
		return n, false
	}
	n.text = name
	switch {
	case strings.HasPrefix(name, "."):
		n.kind, n.key = wildcardBoth, name
	case strings.HasPrefix(name, "*."):
		n.kind, n.key = wildcardHead, name[1:]
	case strings.HasSuffix(name, ".*"):
		n.kind, n.key = wildcardTail, name[:len(name)-1]
	default:
		n.kind, n.key = exactName, name
	}
	n.bad = strings.Contains(n.key, "*") || strings.Contains(n.key, "..")
	return n, true
}

// parseServerRegex compiles "~pattern". As in nginx, capitals in it make it match without regard to case.
func parseServerRegex(c *conf.Cursor, arg string) (serverName, error) {
	if arg == "~" {
		return serverName{}, c.Errorf("empty regex in server name \"%s\"", arg)
	}
	fold := strings.ToLower(arg) != arg
	re, err := CompileRegex(c, arg[1:], fold)
	if err != nil {
		return serverName{}, err
	}
	return serverName{kind: regexName, text: arg, key: arg, regex: re}, nil
}
