package backend

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTheGRPCBackendAnswersGosClient(t *testing.T) {
	b, c := dial(t, Behaviour{GRPC: true})
	c.Close()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Transport{Protocols: protocols}
	defer client.CloseIdleConnections()
	for i := range 300 {
		r, _ := http.NewRequest("POST", "http://"+c.RemoteAddr().String()+"/bench.Echo/Unary", strings.NewReader(strings.Repeat("x", i)))
		a, err := client.RoundTrip(r)
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		body, err := io.ReadAll(a.Body)
		if err != nil || !bytes.Equal(body, grpcMessage) || a.Header.Get("Content-Type") != "application/grpc" || a.Trailer.Get("Grpc-Status") != "0" {
			t.Fatalf("call %d: %q, %v, %v, %v", i, body, a.Header, a.Trailer, err)
		}
		a.Body.Close()
	}
	if s := b.stats(); s.Requests != 300 || s.Accepted != 2 || s.Bytes != 299*300/2 || s.PeakRequests != 1 {
		t.Errorf("%+v", s)
	}
}
