package core

import "time"

// clockCache keeps the time as text for the second it was asked for, since access logs ask for every request. Each
// loop has one, with its free list of requests.
type clockCache struct {
	second     int64
	zone       *time.Location
	local, iso []byte
}

// at returns the cache for a moment.
func (c *clockCache) at(t time.Time) *clockCache {
	if s := t.Unix(); s != c.second || c.zone != t.Location() {
		c.second, c.zone = s, t.Location()
		c.local = t.AppendFormat(c.local[:0], "02/Jan/2006:15:04:05 -0700")
		c.iso = t.AppendFormat(c.iso[:0], "2006-01-02T15:04:05-07:00")
	}
	return c
}

func getTimeLocal(r *Request) ([]byte, bool) {
	return r.Copy(r.list.clock.at(r.Loop.Wall()).local), true
}

func getTimeISO(r *Request) ([]byte, bool) { return r.Copy(r.list.clock.at(r.Loop.Wall()).iso), true }

func getTimeISOMillis(r *Request) ([]byte, bool) {
	const layout = "2006-01-02T15:04:05.000-07:00"
	return r.Loop.Wall().AppendFormat(r.Alloc(len(layout))[:0], layout), true
}
