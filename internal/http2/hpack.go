package http2

import (
	"bytes"
	"encoding/binary"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// encoder is the compressing side of HPACK (RFC 7541). What is not in a table is written as it is: Huffman's code would
// save a fourth of such bytes, and costs more than it is worth between machines that are near.
//
// A field enters the table when it is seen for the second time. So what repeats is written in one byte from then on, and what
// does not (a length, a tag, a path) never drives out what does.
type encoder struct {
	max     int // size of the table, as the peer allows
	least   int // the smallest max since the last block, when resized
	resized bool

	size    int     // RFC 7541, section 4.1
	entries []entry // oldest first
	bytes   []byte  // their names and values, in the same order
	seen    *[seenSlots]uint32
}

type entry struct {
	hash        uint32
	at          int // in bytes
	name, value uint16
}

const (
	seenSlots     = 128
	entryOverhead = 32
	maxInteger    = 6   // bytes of an encoded number
	largestEntry  = 512 // bytes of name and value: larger fields are not worth their place
)

// limit follows the peer's SETTINGS_HEADER_TABLE_SIZE.
func (e *encoder) limit(size uint32) {
	n := int(min(size, headerTableSize))
	if n == e.max {
		return
	}
	if !e.resized {
		e.least = n
	}
	e.max, e.least, e.resized = n, min(e.least, n), true
	e.evict(e.max)
}

// begin writes what a block has to begin with (RFC 7541, section 4.2).
func (e *encoder) begin(dst []byte) []byte {
	if !e.resized {
		return dst
	}
	e.resized = false
	if e.least < e.max {
		dst = appendInteger(dst, 0x20, 5, e.least)
	}
	return appendInteger(dst, 0x20, 5, e.max)
}

// evict drops the oldest entries until no more than size is used.
func (e *encoder) evict(size int) {
	n := 0
	for e.size > size {
		e.size -= int(e.entries[n].name) + int(e.entries[n].value) + entryOverhead
		n++
	}
	if n > 0 {
		e.entries = e.entries[:copy(e.entries, e.entries[n:])]
	}
	if len(e.entries) == 0 {
		e.bytes = e.bytes[:0]
	}
}

// appendField writes a field. static is the index of its name in the static table, or 0.
func (e *encoder) appendField(dst, name []byte, id http1.ID, value []byte, static int) []byte {
	if secret(id) {
		return appendLiteral(dst, 0x10, 4, static, name, value)
	}
	if len(name)+len(value) > largestEntry || len(name)+len(value)+entryOverhead > e.max {
		return appendLiteral(dst, 0, 4, static, name, value)
	}
	hash := fieldHash(name, value)
	if i := e.find(hash, name, value); i != 0 {
		return appendInteger(dst, 0x80, 7, i)
	}
	if e.seen == nil {
		e.seen = new([seenSlots]uint32)
	}
	if seen := &e.seen[hash%seenSlots]; *seen != hash {
		*seen = hash
		return appendLiteral(dst, 0, 4, static, name, value)
	}
	e.add(hash, name, value)
	return appendLiteral(dst, 0x40, 6, static, name, value)
}

// secret reports whether a field must not be indexed, here or further on (RFC 7541, section 7.1).
func secret(id http1.ID) bool {
	switch id {
	case http1.Authorization, http1.ProxyAuthorization, http1.Cookie, http1.SetCookie:
		return true
	}
	return false
}

// find returns the index of a field in the table, or 0.
func (e *encoder) find(hash uint32, name, value []byte) int {
	for i := len(e.entries) - 1; i >= 0; i-- {
		if e.entries[i].hash != hash {
			continue
		}
		n := &e.entries[i]
		stored := e.bytes[n.at : n.at+int(n.name)+int(n.value)]
		if len(value) == int(n.value) && bytes.Equal(stored[n.name:], value) && equalLower(stored[:n.name], name) {
			return staticEntries + len(e.entries) - i
		}
	}
	return 0
}

func (e *encoder) add(hash uint32, name, value []byte) {
	size := len(name) + len(value)
	e.evict(e.max - size - entryOverhead)
	if cap(e.bytes)-len(e.bytes) < size {
		e.compact(size)
	}
	at := len(e.bytes)
	e.bytes = text.AppendLower(e.bytes, name)
	e.bytes = append(e.bytes, value...)
	e.entries = append(e.entries, entry{hash, at, uint16(len(name)), uint16(len(value))})
	e.size += size + entryOverhead
}

// compact moves the bytes in use to the front, of a larger buffer if need be.
func (e *encoder) compact(size int) {
	used := e.bytes[:0:0]
	if len(e.entries) > 0 {
		used = e.bytes[e.entries[0].at:]
	}
	to := e.bytes[:0]
	if 2*(len(used)+size) > cap(to) {
		to = make([]byte, 0, max(512, 2*(len(used)+size)))
	}
	e.bytes = append(to, used...)
	if len(e.entries) > 0 {
		moved := e.entries[0].at
		for i := range e.entries {
			e.entries[i].at -= moved
		}
	}
}

// fieldHash mixes the lengths and both ends of name and value, without the case of the name. It is never 0.
func fieldHash(name, value []byte) uint32 {
	const k, fold = 0x9e3779b97f4a7c15, 0x2020202020202020
	h := uint64(len(name))<<8 ^ uint64(len(value))
	h = (h ^ ends(name, fold)) * k
	h = (h ^ h>>29 ^ ends(value, 0)) * k
	return uint32(h>>32) | 1
}

// ends is up to eight bytes of each end of b, with the bits of set set in each.
func ends(b []byte, set uint64) uint64 {
	if n := len(b); n >= 8 {
		first, last := binary.LittleEndian.Uint64(b)|set, binary.LittleEndian.Uint64(b[n-8:])|set
		return first ^ (last<<23 | last>>41)
	}
	var h uint64
	for _, c := range b {
		h = h<<8 | uint64(c|byte(set))
	}
	return h
}

// equalLower reports whether b, which nearly always is in lower case, is lower.
func equalLower(lower, b []byte) bool {
	return bytes.Equal(lower, b) || text.EqualFold(b, text.String(lower))
}

// appendLiteral writes a field that is not in the tables, with the kind of representation in the first byte.
func appendLiteral(dst []byte, kind byte, bits uint, static int, name, value []byte) []byte {
	dst = appendInteger(dst, kind, bits, static)
	if static == 0 {
		dst = appendInteger(dst, 0, 7, len(name))
		dst = text.AppendLower(dst, name)
	}
	dst = appendInteger(dst, 0, 7, len(value))
	return append(dst, value...)
}

// appendInteger writes n with a prefix of so many bits, whose byte has first in its other bits (RFC 7541, section 5.1).
func appendInteger(dst []byte, first byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(dst, first|byte(n))
	}
	dst = append(dst, first|byte(most))
	for n -= most; n >= 128; n >>= 7 {
		dst = append(dst, 0x80|byte(n))
	}
	return append(dst, byte(n))
}
