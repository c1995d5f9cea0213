package text

import "time"

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// AppendHTTPDate appends t as an IMF-fixdate (RFC 9110, section 5.6.7):
// "Sun, 06 Nov 1994 08:49:37 GMT". It costs some 50 ns: callers on the data
// path keep the result for the second.
func AppendHTTPDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	wd, m := 3*int(t.Weekday()), 3*int(month-1)
	dst = append(dst, dayNames[wd:wd+3]...)
	dst = append(dst, ", "...)
	dst = AppendPadded(dst, day, 2)
	dst = append(dst, ' ')
	dst = append(dst, monthNames[m:m+3]...)
	dst = append(dst, ' ')
	dst = AppendPadded(dst, year, 4)
	dst = append(dst, ' ')
	dst = AppendPadded(dst, hour, 2)
	dst = append(dst, ':')
	dst = AppendPadded(dst, minute, 2)
	dst = append(dst, ':')
	dst = AppendPadded(dst, second, 2)
	return append(dst, " GMT"...)
}

// ParseHTTPDate reads the three formats of RFC 9110, section 5.6.7:
// IMF-fixdate, the obsolete RFC 850 format and asctime. It is strict: each
// field has its fixed width, the day must exist in its month, and the name of
// the weekday must be one (but is not checked against the date, as in nginx).
// A leap second (:60) is read as the second after :59.
//
// Two-digit years follow RFC 850 as nginx reads it: 70 to 99 are 19xx, the rest 20xx.
func ParseHTTPDate(b []byte) (time.Time, bool) {
	d := dateReader{b: b, ok: true}
	var year, month, day, hour, minute, second int
	switch comma := indexByte(b, ','); {
	case comma == 3: // Sun, 06 Nov 1994 08:49:37 GMT
		d.name(dayNames)
		d.literal(", ")
		day = d.digits(2)
		d.literal(" ")
		month = d.name(monthNames)
		d.literal(" ")
		year = d.digits(4)
		d.literal(" ")
		hour, minute, second = d.clock()
		d.literal(" GMT")
	case comma > 3: // Sunday, 06-Nov-94 08:49:37 GMT
		d.longDay()
		d.literal(", ")
		day = d.digits(2)
		d.literal("-")
		month = d.name(monthNames)
		d.literal("-")
		if year = d.digits(2); year < 70 {
			year += 2000
		} else {
			year += 1900
		}
		d.literal(" ")
		hour, minute, second = d.clock()
		d.literal(" GMT")
	default: // Sun Nov  6 08:49:37 1994
		d.name(dayNames)
		d.literal(" ")
		month = d.name(monthNames)
		d.literal(" ")
		if len(d.b) > 0 && d.b[0] == ' ' {
			d.literal(" ")
			day = d.digits(1)
		} else {
			day = d.digits(2)
		}
		d.literal(" ")
		hour, minute, second = d.clock()
		d.literal(" ")
		year = d.digits(4)
	}
	if !d.ok || len(d.b) != 0 || hour > 23 || minute > 59 || second > 60 || day < 1 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month+1), day, hour, minute, second, 0, time.UTC)
	if midnight := time.Date(year, time.Month(month+1), day, 0, 0, 0, 0, time.UTC); midnight.Day() != day {
		return time.Time{}, false
	}
	return t, true
}

func indexByte(b []byte, c byte) int {
	for i := range b {
		if b[i] == c {
			return i
		}
	}
	return -1
}

// dateReader consumes b from the front; ok turns false at the first thing that does not fit.
type dateReader struct {
	b  []byte
	ok bool
}

func (d *dateReader) take(n int) []byte {
	if len(d.b) < n {
		d.ok, d.b = false, nil
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *dateReader) literal(s string) {
	if string(d.take(len(s))) != s {
		d.ok = false
	}
}

func (d *dateReader) digits(n int) int {
	v, ok := ParseInt(d.take(n))
	if !ok {
		d.ok = false
	}
	return int(v)
}

// name reads one of the three-letter names packed in names.
func (d *dateReader) name(names string) int {
	v := d.take(3)
	for i := 0; v != nil && i < len(names); i += 3 {
		if string(v) == names[i:i+3] {
			return i / 3
		}
	}
	d.ok = false
	return 0
}

func (d *dateReader) longDay() {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if s := day.String(); len(d.b) > len(s) && string(d.b[:len(s)]) == s {
			d.b = d.b[len(s):]
			return
		}
	}
	d.ok = false
}

func (d *dateReader) clock() (hour, minute, second int) {
	hour = d.digits(2)
	d.literal(":")
	minute = d.digits(2)
	d.literal(":")
	second = d.digits(2)
	return hour, minute, second
}
