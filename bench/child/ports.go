package child

import (
	"fmt"
	"net"
	"os"
)

// Ports hands out loopback addresses that nobody listens on. They lie below the range from which Linux
// takes the source ports of outgoing connections (32768 and up), because a load of ten thousand
// connections would otherwise sooner or later occupy a port that is about to be listened on. No port is
// handed out twice in a run, so a socket in TIME_WAIT can be attributed to one trial.
type Ports struct{ next int }

const (
	firstPort = 20000
	lastPort  = 31999
)

// NewPorts starts at a place that differs between harnesses running at the same time.
func NewPorts() *Ports { return &Ports{next: firstPort + os.Getpid()*37%(lastPort-firstPort)} }

// Next returns a free address, "127.0.0.1:port".
func (p *Ports) Next() (string, error) {
	for range lastPort - firstPort {
		p.next++
		if p.next > lastPort {
			p.next = firstPort
		}
		addr := fmt.Sprintf("127.0.0.1:%d", p.next)
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		return addr, ln.Close()
	}
	return "", fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}
