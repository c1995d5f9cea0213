package http1

import (
	"bytes"
	"testing"
)

func TestIndexControlFindsTheFirstWhereverItIs(t *testing.T) {
	for size := range 34 {
		b := bytes.Repeat([]byte{'v'}, size)
		for c := range 256 {
			want := c < 0x20 && c != '\t' || c == 0x7f
			for at := range size {
				for _, tab := range []int{-1, 0} { // a tab before it is none
					b[at] = byte(c)
					if tab >= 0 && tab < at {
						b[tab] = '\t'
					}
					if got := indexControl(b); want && got != at || !want && got != -1 {
						t.Fatalf("%q: %d", b, got)
					}
					b[at], b[0] = 'v', 'v'
				}
			}
		}
	}
}
