package upstream

import "hearth/internal/core"

// lastVariables name the peer chosen last, where $upstream_addr lists all.
var lastVariables = []core.Variable{
	{Name: "upstream_last_addr", NoCache: true, Get: func(r *core.Request) ([]byte, bool) {
		if p := lastPeer(r); p != nil {
			return []byte(p.Name), true
		}
		return nil, false
	}},
	{Name: "upstream_last_server_name", NoCache: true, Get: func(r *core.Request) ([]byte, bool) {
		if p := lastPeer(r); p != nil {
			return []byte(p.Server), true
		}
		return nil, false
	}},
}

// lastPeer is the peer chosen last, nil if none was.
func lastPeer(r *core.Request) *Peer {
	x := Of(r)
	if x == nil || x.tried.Len() == 0 {
		return nil
	}
	return x.tried.peers[x.tried.Len()-1]
}
