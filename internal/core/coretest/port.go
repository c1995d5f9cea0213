package coretest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress is an address on the loopback that nobody listens on, for a server that has to be told its own. Its port is
// below those that the kernel gives to outgoing connections: one of them would take it sooner or later before the server does.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address
		}
	}
	t.Fatal("no address is free")
	return ""
}
