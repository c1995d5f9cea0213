package server

import (
	"testing"
	"time"
)

func TestZonesByNameAndByRule(t *testing.T) {
	winter, summer := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ tz, winter, summer string }{
		{"Europe/Berlin", "+0100 CET", "+0200 CEST"},
		{":Asia/Kolkata", "+0530 IST", "+0530 IST"},
		{"UTC", "+0000 UTC", "+0000 UTC"},
		{"UTC-3", "+0300 UTC", "+0300 UTC"},
		{"EST5EDT,M3.2.0,M11.1.0", "-0500 EST", "-0400 EDT"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "+0100 CET", "+0200 CEST"},
		{"CET-1CEST", "+0100 CET", "+0200 CEST"},
		{"NZST-12NZDT,M9.5.0,M4.1.0/3", "+1300 NZDT", "+1200 NZST"},
		{"<+0330>-3:30", "+0330 +0330", "+0330 +0330"},
		{"", "+0000 UTC", "+0000 UTC"},
		{"Nowhere/Nothing", "+0000 UTC", "+0000 UTC"},
		{"/nowhere", "+0000 UTC", "+0000 UTC"},
		{"M1", "+0000 UTC", "+0000 UTC"},
	} {
		zone, rule := zoneOf(tt.tz)
		if rule != nil {
			zone = rule
		}
		if got := winter.In(zone).Format("-0700 MST"); got != tt.winter {
			t.Errorf("%q in winter: %s, want %s", tt.tz, got, tt.winter)
		}
		if got := summer.In(zone).Format("-0700 MST"); got != tt.summer {
			t.Errorf("%q in summer: %s, want %s", tt.tz, got, tt.summer)
		}
	}
}
