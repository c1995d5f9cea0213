package chaos

import (
	"fmt"
	"io"
)

// text is what belongs to an id, at any length: the id over and over. So bytes that got into another's message show
// whose they are.
type text string

func textOf(id string) text { return text(id + ".") }

// fill writes the text from its byte `from` on.
func (t text) fill(b []byte, from int) {
	for i := range b {
		b[i] = t[(from+i)%len(t)]
	}
}

func (t text) make(n int) []byte {
	b := make([]byte, n)
	t.fill(b, 0)
	return b
}

// check reads to the end and wants nothing but the text. It returns how long it was; wrong is what else there was, and
// err how the reading ended if not at the end of the message.
func (t text) check(r io.Reader) (n int, wrong, err error) {
	buf := make([]byte, 32<<10)
	for {
		m, err := r.Read(buf)
		for i, c := range buf[:m] {
			if c != t[(n+i)%len(t)] {
				return n, fmt.Errorf("at byte %d of %.30q: %.80q", n+i, string(t), buf[i:m]), nil
			}
		}
		n += m
		if err == io.EOF {
			return n, nil, nil
		}
		if err != nil {
			return n, nil, err
		}
	}
}
