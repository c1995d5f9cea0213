package frontend

// connList is a list of connections threaded through them; a connection is in one list at a time.
type connList struct {
	first, last *clientConn
	n           int
}

func (l *connList) push(h *clientConn) {
	h.prev, h.next = l.last, nil
	if l.last != nil {
		l.last.next = h
	} else {
		l.first = h
	}
	l.last = h
	l.n++
}

func (l *connList) remove(h *clientConn) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		l.first = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	} else {
		l.last = h.prev
	}
	h.prev, h.next = nil, nil
	l.n--
}
