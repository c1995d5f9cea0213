package text

// lower maps each byte to its ASCII lower case. Bytes that are not ASCII
// letters map to themselves.
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c + 'a' - 'A'
	}
	return t
}()

// Lower returns the ASCII lower case of c.
func Lower(c byte) byte { return lower[c] }

// EqualFold reports whether b and s are equal when ASCII case is ignored.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower[c] != lower[s[i]] {
			return false
		}
	}
	return true
}

// HasPrefixFold reports whether b starts with s when ASCII case is ignored.
func HasPrefixFold(b []byte, s string) bool {
	return len(b) >= len(s) && EqualFold(b[:len(s)], s)
}

// AppendLower appends b in ASCII lower case.
func AppendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower[c])
	}
	return dst
}

// HasUpper reports whether b contains an ASCII capital letter, that is,
// whether AppendLower would change it.
func HasUpper(b []byte) bool {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}
