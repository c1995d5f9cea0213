// Package text holds pure functions on bytes: views, ASCII case folding,
// numbers, HTTP dates, URI escaping, and nginx's sizes and times.
//
// It reads no clock, opens nothing and starts nothing; nothing here allocates
// unless a function's comment says so.
package text

import "unsafe"

// String returns b as a string without copying. The string is valid only as
// long as b's bytes do not change: use it for look-ups and comparisons that
// end before the buffer is reused, and never store it.
func String(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
