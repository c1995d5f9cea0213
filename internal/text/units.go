package text

import (
	"math"
	"time"
)

// ParseSize parses a size in bytes as the configuration writes it: digits, then
// nothing, k or m in either case. It refuses an empty value, a sign and overflow.
func ParseSize(s string) (int64, bool) { return parseScaled(s, false) }

// ParseOffset is ParseSize with the unit g as well: for sizes of files and bodies.
func ParseOffset(s string) (int64, bool) { return parseScaled(s, true) }

func parseScaled(s string, giga bool) (int64, bool) {
	if s == "" {
		return 0, false
	}
	scale := int64(1)
	switch s[len(s)-1] {
	case 'k', 'K':
		scale = 1 << 10
	case 'm', 'M':
		scale = 1 << 20
	case 'g', 'G':
		if !giga {
			return 0, false
		}
		scale = 1 << 30
	}
	if scale > 1 {
		s = s[:len(s)-1]
	}
	n, ok := ParseDecimal(s)
	if !ok || n > math.MaxInt64/scale {
		return 0, false
	}
	return n * scale, true
}

// ParseDecimal parses a number that is digits only: no sign, no space, at least one digit.
func ParseDecimal(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 || n > (math.MaxInt64-int64(d))/10 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, true
}

// ParseTime parses a time in milliseconds as the configuration writes it: numbers with
// the units w d h m s ms in this order, blanks between them allowed, seconds when no
// unit is given ("1h 30m", "500ms", "60"). Years and months are for ParseSeconds alone.
func ParseTime(s string) (time.Duration, bool) {
	n, ok := parseUnits(s, true)
	return scaleDuration(n, time.Millisecond), ok
}

// ParseSeconds parses a time of whole seconds: as ParseTime, with y and M (30 days)
// and without ms.
func ParseSeconds(s string) (time.Duration, bool) {
	n, ok := parseUnits(s, false)
	return scaleDuration(n, time.Second), ok
}

// scaleDuration stops at the longest Duration (292 years) instead of overflowing.
func scaleDuration(n int64, unit time.Duration) time.Duration {
	if n > int64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return time.Duration(n) * unit
}

// A unit may follow only a larger one, so their order here is their order in a value.
const (
	unitNone = iota
	unitYear
	unitMonth
	unitWeek
	unitDay
	unitHour
	unitMinute
	unitSecond
	unitMilli
	unitLast // a number without unit, ended by a blank
)

var unitSeconds = [...]int64{
	unitYear: 365 * 86400, unitMonth: 30 * 86400, unitWeek: 7 * 86400, unitDay: 86400,
	unitHour: 3600, unitMinute: 60, unitSecond: 1, unitLast: 1,
}

// parseUnits returns s in milliseconds or in seconds.
func parseUnits(s string, milli bool) (int64, bool) {
	perSecond, prev := int64(1), unitNone
	if milli {
		perSecond, prev = 1000, unitMonth
	}
	var total, value int64
	digits := false
	for i := 0; i < len(s); {
		if d := s[i] - '0'; d <= 9 {
			if value > (math.MaxInt64-int64(d))/10 {
				return 0, false
			}
			value = value*10 + int64(d)
			digits = true
			i++
			continue
		}
		unit, width := unitAt(s[i:])
		if unit == unitNone || unit <= prev || (unit == unitLast && prev >= unitSecond) || (unit == unitMilli && !milli) {
			return 0, false
		}
		prev = unit
		scale := int64(1)
		if unit != unitMilli {
			scale = unitSeconds[unit] * perSecond
		}
		if value > math.MaxInt64/scale || total > math.MaxInt64-value*scale {
			return 0, false
		}
		total += value * scale
		value = 0
		for i += width; i < len(s) && s[i] == ' '; i++ {
		}
	}
	if !digits || value > math.MaxInt64/perSecond || total > math.MaxInt64-value*perSecond {
		return 0, false
	}
	return total + value*perSecond, true
}

// unitAt names the unit that s begins with, and its length.
func unitAt(s string) (unit, width int) {
	switch s[0] {
	case 'y':
		return unitYear, 1
	case 'M':
		return unitMonth, 1
	case 'w':
		return unitWeek, 1
	case 'd':
		return unitDay, 1
	case 'h':
		return unitHour, 1
	case 'm':
		if len(s) > 1 && s[1] == 's' {
			return unitMilli, 2
		}
		return unitMinute, 1
	case 's':
		return unitSecond, 1
	case ' ':
		return unitLast, 1
	}
	return unitNone, 0
}
