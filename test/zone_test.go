package test

import (
	"strings"
	"testing"
	"time"
)

// The time zone is the environment's: by name, or by a rule, which needs no zone files.
func TestLocalTimeIsThatOfTheZone(t *testing.T) {
	for _, zone := range []string{"Asia/Kolkata", "IST-5:30"} {
		l := newLab(t)
		p := l.Hearth(siteWith("env TZ="+zone+";", `server { listen %PORT1%; location / { expires @12h; add_header X-Time $time_iso8601; return 200; } }`))
		began := time.Now().Truncate(time.Second)
		a := l.Get(p.Addr(1), "/")
		at, err := time.Parse("2006-01-02T15:04:05-07:00", a.Field("X-Time"))
		if err != nil || !strings.HasSuffix(a.Field("X-Time"), "+05:30") || at.Before(began) || at.After(time.Now()) {
			t.Errorf("%s: $time_iso8601 is %q at %v", zone, a.Field("X-Time"), began)
		}
		if noon := a.Field("Expires"); !strings.HasSuffix(noon, " 06:30:00 GMT") {
			t.Errorf("%s: noon is at %q", zone, noon)
		}
		p.Log("error.log", "start worker processes")
		logged, err := time.ParseInLocation("2006/01/02 15:04:05", p.Read("error.log")[:len("2006/01/02 15:04:05")], at.Location())
		if err != nil || at.Sub(logged) > patience || logged.After(at) {
			t.Errorf("%s: the error log begins at %v, %v", zone, logged, err)
		}
	}
}
