package grpc

import (
	"bytes"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/text"
)

// variables has what nginx keeps in a variable, and does not document.
var variables = []core.Variable{{Name: "grpc_internal_trailers", NoCache: true, Get: getTrailers}}

var trailers = []byte("trailers")

// getTrailers is "trailers" if the client has said that it takes some (TE). It is sent to the server, who may not answer a
// call without it.
func getTrailers(r *core.Request) ([]byte, bool) {
	for i := range r.Head.Fields {
		if f := &r.Head.Fields[i]; f.ID == http1.TE && wants(f.Value) {
			return trailers, true
		}
	}
	return nil, true
}

// wants says whether trailers are among the codings of a TE field.
func wants(te []byte) bool {
	for part := range bytes.SplitSeq(te, []byte(",")) {
		coding, _, _ := bytes.Cut(part, []byte(";"))
		if text.EqualFold(bytes.TrimSpace(coding), "trailers") {
			return true
		}
	}
	return false
}
