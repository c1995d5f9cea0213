package streams

import (
	"bytes"
	"testing"
)

// What was added comes out as it was, and what next has handed out stays as it is until the next call, whatever comes
// meanwhile.
func TestABodyComesOutAsItCameIn(t *testing.T) {
	for _, size := range []int{1, 100, pieceSize - 1, pieceSize, pieceSize + 1, 5 * pieceSize} {
		var st stock
		b := body{stock: &st}
		data := make([]byte, 10*size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		var got []byte
		for i := 0; i < len(data); i += size {
			b.add(data[i : i+size])
			if i/size%3 == 2 {
				out := b.next()
				before := bytes.Clone(out)
				b.add(data[i+size : i+size]) // nothing
				if !bytes.Equal(out, before) {
					t.Fatal("what was handed out has changed")
				}
				got = append(got, out...)
			}
		}
		for out := b.next(); out != nil; out = b.next() {
			got = append(got, out...)
		}
		if !bytes.Equal(got, data) || !b.empty() {
			t.Errorf("pieces of %d: %d bytes came out of %d", size, len(got), len(data))
		}
	}
}

// A thousand frames of one byte take one piece, not a thousand.
func TestSmallFramesShareAPiece(t *testing.T) {
	var st stock
	b := body{stock: &st}
	for range 1000 {
		b.add([]byte("x"))
	}
	if b.first != b.last || b.first.w != 1000 {
		t.Errorf("%d bytes in the first piece", b.first.w)
	}
}

// Bytes that come while a piece is handed out go into another, and a body that was dropped gives its pieces back.
func TestPiecesAreGivenBack(t *testing.T) {
	var st stock
	b := body{stock: &st}
	b.add([]byte("one"))
	out := b.next()
	b.add([]byte("two"))
	if string(out) != "one" || b.first == b.out {
		t.Errorf("handed out: %q", out)
	}
	b.drop()
	if !b.empty() || b.out != nil || st.n != 2 {
		t.Errorf("%d pieces in stock, want 2", st.n)
	}
	for range 2 * spare {
		b.add(make([]byte, pieceSize))
	}
	b.drop()
	if st.n != spare {
		t.Errorf("%d pieces in stock, want %d", st.n, spare)
	}
}
