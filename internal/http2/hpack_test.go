package http2

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"hearth/internal/http1"
)

// encoded is what e makes of fields, "name=value" each.
func encoded(e *encoder, fields ...string) []byte {
	dst := e.begin(nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		id := http1.Lookup([]byte(name))
		dst = e.appendField(dst, []byte(name), id, []byte(value), int(staticNames[id]))
	}
	return dst
}

func TestAFieldIsIndexedWhenItIsSeenAgain(t *testing.T) {
	e := &encoder{max: headerTableSize}
	for i, want := range []string{"\x00\x01a\x01b", "\x40\x01a\x01b", "\xbe", "\xbe"} {
		if got := encoded(e, "a=b"); string(got) != want {
			t.Errorf("time %d: %q, want %q", i+1, got, want)
		}
	}
	if got := encoded(e, "A=b"); string(got) != "\xbe" {
		t.Errorf("with a capital: %q", got)
	}
}

func TestSecretsAreNeverIndexed(t *testing.T) {
	e := &encoder{max: headerTableSize}
	for _, f := range []string{"authorization=x", "cookie=x", "set-cookie=x", "proxy-authorization=x"} {
		for range 3 {
			if got := encoded(e, f); got[0]&0xf0 != 0x10 {
				t.Errorf("%s: %q", f, got)
			}
		}
	}
	if len(e.entries) != 0 {
		t.Error("a secret is in the table")
	}
}

func TestLargeFieldsAreNotKept(t *testing.T) {
	e := &encoder{max: headerTableSize}
	for range 3 {
		encoded(e, "a="+strings.Repeat("x", largestEntry))
	}
	if len(e.entries) != 0 {
		t.Error("it is in the table")
	}
}

func TestStaticNamesAreThoseOfTheDecoder(t *testing.T) {
	d := hpack.NewDecoder(4096, nil)
	for id, index := range staticNames {
		if index == 0 {
			continue
		}
		fields, err := d.DecodeFull([]byte{0x80 | index})
		if err != nil || fields[0].Name != string(http1.ID(id).Lower()) {
			t.Errorf("%v is not %v: %v", http1.ID(id), fields, err)
		}
	}
	for code := 100; code < 1000; code++ {
		if i := staticStatus(code); i != 0 {
			if fields, err := d.DecodeFull([]byte{0x80 | byte(i)}); err != nil || fields[0].Value != fmt.Sprint(code) {
				t.Errorf("%d is not %v: %v", code, fields, err)
			}
		}
	}
}

func TestTheTableFollowsThePeersSettings(t *testing.T) {
	e := &encoder{max: headerTableSize}
	encoded(e, "a=b")
	encoded(e, "a=b")
	e.limit(0)
	e.limit(100)
	if got := encoded(e, "a=b"); string(got) != "\x20\x3f\x45\x40\x01a\x01b" {
		t.Errorf("%q", got)
	}
	e.limit(1 << 30)
	if got := encoded(e, "a=b"); string(got) != "\x3f\xe1\x1f\xbe" || e.max != headerTableSize {
		t.Errorf("%q, size %d", got, e.max)
	}
}

// TestTheDecoderAgrees sends many blocks, with changes of the table's size, to hpack's decoder.
func TestTheDecoderAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	e := &encoder{max: headerTableSize}
	d := hpack.NewDecoder(4096, nil)
	names := []string{"server", "date", "x-a", "x-bc", "content-type", "etag", "a-rather-long-name-of-a-field"}
	for i := range 20000 {
		if r.IntN(200) == 0 {
			e.limit(uint32(r.IntN(5000)))
		}
		var fields []string
		for range r.IntN(6) {
			fields = append(fields, names[r.IntN(len(names))]+"="+strings.Repeat(fmt.Sprint(r.IntN(30)), r.IntN(40)))
		}
		got, err := d.DecodeFull(encoded(e, fields...))
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		for j, f := range got {
			if f.Name+"="+f.Value != fields[j] {
				t.Fatalf("block %d: %v, want %v", i, got, fields)
			}
		}
		if len(got) != len(fields) || e.size > e.max {
			t.Fatalf("block %d: %v, want %v; size %d", i, got, fields, e.size)
		}
	}
	if cap(e.bytes) > 4*headerTableSize {
		t.Errorf("the table takes %d bytes", cap(e.bytes))
	}
}
