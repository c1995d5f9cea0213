package core

import "testing"

// Every size of piece fits, however full the block is: a small one begins a new block, a great one has memory of its own.
func TestArenaHandsOutWhatDoesNotFitTheBlock(t *testing.T) {
	for _, used := range []int{0, 1, arenaBlock / 2, arenaBlock - 1, arenaBlock} {
		for _, n := range []int{0, 1, arenaBlock / 4, arenaBlock/4 + 1, arenaBlock - 1, arenaBlock, arenaBlock + 1, 10 * arenaBlock} {
			var a arena
			a.alloc(used)
			if p := a.alloc(n); len(p) != n || cap(p) != n {
				t.Errorf("%d bytes after %d: got %d, capacity %d", n, used, len(p), cap(p))
			}
			p, q := a.alloc(3), a.alloc(3)
			copy(p, "abc")
			copy(q, "def")
			if string(p) != "abc" {
				t.Errorf("after %d and %d bytes: pieces overlap", used, n)
			}
		}
	}
}
