package demo

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
)

// backends are the servers behind the proxy. They count what reaches them.
type backends struct {
	listeners []net.Listener
	servers   []*http.Server
	opened    atomic.Int64 // connections
	requests  atomic.Int64
}

func startBackends(n int) (*backends, error) {
	b := &backends{}
	for i := range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.close()
			return nil, err
		}
		s := &http.Server{Handler: b.handler(i + 1), ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				b.opened.Add(1)
			}
		}}
		b.listeners, b.servers = append(b.listeners, ln), append(b.servers, s)
		go s.Serve(ln)
	}
	return b, nil
}

func (b *backends) handler(number int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		fmt.Fprintf(w, "backend %d: %s %s\n", number, r.Method, r.URL.Path)
	})
}

func (b *backends) addresses() (list []string) {
	for _, ln := range b.listeners {
		list = append(list, ln.Addr().String())
	}
	return list
}

func (b *backends) close() {
	for _, s := range b.servers {
		s.Close()
	}
}
