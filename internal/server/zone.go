package server

import (
	"encoding/binary"
	"os"
	"strings"
	"time"
)

// useZone makes local time that of TZ, as the environment has it or an `env TZ=…`. Go has seen to it already where the
// environment has the name of a zone; the C library also takes a rule, as in TZ=CET-1CEST (POSIX, "Environment
// Variables"), which needs no zone files. It is called before anything runs that could ask for the time meanwhile.
func (m *Main) useZone() {
	tz, given := os.LookupEnv("TZ")
	own := false
	for _, e := range m.Env {
		if value, ok := strings.CutPrefix(e, "TZ="); ok {
			tz, given, own = value, true, true
		}
	}
	if !given {
		return
	}
	named, rule := zoneOf(tz)
	switch {
	case rule != nil:
		time.Local = rule
	case own:
		time.Local = named
	}
}

// zoneOf is what TZ stands for: a zone that has a name, or a rule. What is neither is UTC, as for the C library.
func zoneOf(tz string) (named, rule *time.Location) {
	tz = strings.TrimPrefix(tz, ":")
	if strings.HasPrefix(tz, "/") {
		if data, err := os.ReadFile(tz); err == nil {
			if zone, err := time.LoadLocationFromTZData("", data); err == nil {
				return zone, nil
			}
		}
		return time.UTC, nil
	}
	if zone, err := time.LoadLocation(tz); err == nil {
		return zone, nil
	}
	if zone := zoneByRule(tz); zone != nil {
		return nil, zone
	}
	return time.UTC, nil
}

// zoneByRule has Go read the rule where it knows it: behind the transitions of a zone file (RFC 8536, section 3.3). nil if
// it is none.
func zoneByRule(rule string) *time.Location {
	const none = "-00" // the name of the one type of time in the file, in force if the rule is not understood
	var file []byte
	for range 2 { // as version 1 wants it, and again
		file = append(file, "TZif2"...)
		file = append(file, make([]byte, 15)...)
		for _, count := range [...]uint32{0, 0, 0, 0, 1, uint32(len(none) + 1)} { // types of time, and bytes of their names
			file = binary.BigEndian.AppendUint32(file, count)
		}
		file = append(file, 0, 0, 0, 0, 0, 0)
		file = append(file, none+"\x00"...)
	}
	file = append(file, "\n"+rule+"\n"...)
	zone, err := time.LoadLocationFromTZData("", file)
	if err != nil {
		return nil
	}
	if name, _ := time.Unix(0, 0).In(zone).Zone(); name == none {
		return nil
	}
	return zone
}
