package conf

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"hearth/internal/text"
)

func itoa(n int) string { return strconv.Itoa(n) }

var (
	errInvalidValue  = errors.New("invalid value")
	errInvalidNumber = errors.New("invalid number")
)

// Flag parses on or off.
func Flag(c *Cursor, args []string) (bool, error) {
	switch {
	case strings.EqualFold(args[0], "on"):
		return true, nil
	case strings.EqualFold(args[0], "off"):
		return false, nil
	}
	return false, c.Errorf("invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", args[0], c.name)
}

// Size parses a number of bytes, with k or m.
func Size(_ *Cursor, args []string) (int64, error) { return valid(text.ParseSize(args[0])) }

// Offset parses a number of bytes, with k, m or g.
func Offset(_ *Cursor, args []string) (int64, error) { return valid(text.ParseOffset(args[0])) }

// Msec parses a time in milliseconds ("1h 30m", "500ms"; seconds without unit).
func Msec(_ *Cursor, args []string) (time.Duration, error) { return valid(text.ParseTime(args[0])) }

// Sec parses a time in whole seconds.
func Sec(_ *Cursor, args []string) (time.Duration, error) { return valid(text.ParseSeconds(args[0])) }

func valid[T any](v T, ok bool) (T, error) {
	if !ok {
		return v, errInvalidValue
	}
	return v, nil
}

// Num parses a number without sign.
func Num(_ *Cursor, args []string) (int, error) {
	n, ok := text.ParseDecimal(args[0])
	if !ok {
		return 0, errInvalidNumber
	}
	return int(n), nil
}

// String takes the one argument as it is.
func String(_ *Cursor, args []string) (string, error) { return args[0], nil }

// Strings takes all arguments as they are.
func Strings(_ *Cursor, args []string) ([]string, error) { return args, nil }

// KeyVal is a directive with a name and a value.
type KeyVal struct{ Key, Value string }

// KeyValue takes two arguments.
func KeyValue(_ *Cursor, args []string) (KeyVal, error) { return KeyVal{args[0], args[1]}, nil }

// Bufs is a number of buffers and the size of each in bytes.
type Bufs struct {
	Num  int
	Size int64
}

// Buffers parses a number and a size, neither of them zero.
func Buffers(_ *Cursor, args []string) (Bufs, error) {
	n, ok := text.ParseDecimal(args[0])
	size, ok2 := text.ParseSize(args[1])
	if !ok || !ok2 || n == 0 || size == 0 {
		return Bufs{}, errInvalidValue
	}
	return Bufs{int(n), size}, nil
}

// Enum returns a parser of one word out of several, in any case.
func Enum[T any](words map[string]T) func(*Cursor, []string) (T, error) {
	return func(c *Cursor, args []string) (T, error) {
		v, ok := lookFold(words, args[0])
		if !ok {
			return v, c.Errorf("invalid value \"%s\"", args[0])
		}
		return v, nil
	}
}

// bitSet is what a set of words can be kept in.
type bitSet interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int
}

// Bits returns a parser of a set of words, each a bit, in any case. A directive that may be
// repeated, as most of these may, is a BitSet row instead.
func Bits[T bitSet](words map[string]T) func(*Cursor, []string) (T, error) {
	return func(c *Cursor, args []string) (T, error) {
		var set T
		err := addBits(c, &set, words, args)
		return set, err
	}
}

func addBits[T bitSet](c *Cursor, set *T, words map[string]T, args []string) error {
	for _, arg := range args {
		bit, ok := lookFold(words, arg)
		switch {
		case !ok:
			return c.Errorf("invalid value \"%s\"", arg)
		case *set&bit != 0:
			c.Warnf("duplicate value \"%s\"", arg)
		default:
			*set |= bit
		}
	}
	return nil
}

// lookFold finds the word that arg is, in whatever case either is written.
func lookFold[T any](words map[string]T, arg string) (value T, ok bool) {
	for word, v := range words {
		if strings.EqualFold(word, arg) {
			return v, true
		}
	}
	return value, false
}

// Number is what AtLeast and Between can bound.
type Number interface{ ~int | ~int64 }

// AtLeast returns parse with a lower bound.
func AtLeast[T Number](low T, parse func(*Cursor, []string) (T, error)) func(*Cursor, []string) (T, error) {
	return func(c *Cursor, args []string) (T, error) {
		v, err := parse(c, args)
		if err == nil && v < low {
			err = c.Errorf("value must be equal to or greater than %d", int64(low))
		}
		return v, err
	}
}

// Between returns parse with bounds, which are allowed themselves.
func Between[T Number](low, high T, parse func(*Cursor, []string) (T, error)) func(*Cursor, []string) (T, error) {
	return func(c *Cursor, args []string) (T, error) {
		v, err := parse(c, args)
		if err == nil && (v < low || v > high) {
			err = c.Errorf("value must be between %d and %d", int64(low), int64(high))
		}
		return v, err
	}
}

// Or returns parse with one more value, which a word stands for: Or("off", -1, Size).
func Or[T any](word string, value T, parse func(*Cursor, []string) (T, error)) func(*Cursor, []string) (T, error) {
	return func(c *Cursor, args []string) (T, error) {
		if args[0] == word {
			return value, nil
		}
		return parse(c, args)
	}
}
