package core

import (
	"bytes"
)

// nameKind is a form of server_name.
type nameKind uint8

const (
	exactName    nameKind = iota
	wildcardHead          // *.example.com; key ".example.com"
	wildcardBoth          // .example.com: example.com and *.example.com
	wildcardTail          // www.example.*; key "www.example."
	regexName             // ~pattern
)

// serverName is one name of a server.
type serverName struct {
	kind  nameKind
	text  string // as it is shown
	bad   bool   // not a possible name; an error where it is looked at, that is beside another server
	key   string
	regex *Regex
}

// nameTable finds the server of a host name, in nginx's order: the exact name, the longest wildcard at the front, the
// longest wildcard at the end, the first pattern that matches.
type nameTable struct {
	exact, head, tail map[string]*Server
	regex             []regexServer
}

type regexServer struct {
	regex  *Regex
	server *Server
}

// add enters a name; false when another server has it already.
func (t *nameTable) add(n serverName, s *Server) bool {
	switch n.kind {
	case exactName:
		return enter(&t.exact, n.key, s)
	case wildcardHead:
		return enter(&t.head, n.key, s)
	case wildcardBoth:
		return enter(&t.exact, n.key[1:], s) && enter(&t.head, n.key, s)
	case wildcardTail:
		return enter(&t.tail, n.key, s)
	}
	t.regex = append(t.regex, regexServer{n.regex, s})
	return true
}

func enter(m *map[string]*Server, key string, s *Server) bool {
	if *m == nil {
		*m = map[string]*Server{}
	}
	if (*m)[key] != nil {
		return false
	}
	(*m)[key] = s
	return true
}

// find returns the server of host, or nil. A pattern's captures are set in r, unless that is nil.
func (t *nameTable) find(r *Request, host []byte) *Server {
	if len(host) == 0 {
		return t.exact[""]
	}
	if s := t.exact[string(host)]; s != nil {
		return s
	}
	if s := findHead(t.head, host); s != nil {
		return s
	}
	if s := findTail(t.tail, host); s != nil {
		return s
	}
	for i := range t.regex {
		if r == nil && t.regex[i].regex.MatchOnly(host) || r != nil && t.regex[i].regex.Match(r, host) {
			return t.regex[i].server
		}
	}
	return nil
}

// findHead tries the ends of the name, the longest first.
func findHead(m map[string]*Server, host []byte) *Server {
	if len(m) == 0 {
		return nil
	}
	for i := 0; i < len(host); i++ {
		if host[i] == '.' {
			if s := m[string(host[i:])]; s != nil {
				return s
			}
		}
	}
	return nil
}

// findTail tries the beginnings of the name, the longest first.
func findTail(m map[string]*Server, host []byte) *Server {
	if len(m) == 0 {
		return nil
	}
	for i := bytes.LastIndexByte(host, '.'); i > 0; i = bytes.LastIndexByte(host[:i], '.') {
		if s := m[string(host[:i+1])]; s != nil && i+1 < len(host) {
			return s
		}
	}
	return nil
}
