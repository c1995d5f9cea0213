package http1

// Assemble makes the head of a response that did not come as text: of one that came over HTTP/2. length is its
// Content-Length, -1 without. Framing is settled by the caller, who knows where the body ends.
func (h *ResponseHead) Assemble(status int, list []Field, length int64) {
	kept := h.Fields[:0]
	*h = ResponseHead{Status: status, Major: 2, ContentLength: length, KeepAlive: true, KeepAliveHint: KeepAliveHint{-1, -1}}
	h.Fields = kept
	for i := range list {
		h.add(list[i].Name, list[i].Value, list[i].ID)
	}
}
