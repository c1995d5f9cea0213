package frontend

import (
	"time"

	"hearth/internal/text"
)

// dateCache holds the value of the Date field, formatted once a second.
type dateCache struct {
	second int64
	value  []byte
}

func (d *dateCache) at(wall time.Time) []byte {
	if s := wall.Unix(); s != d.second || d.value == nil {
		d.second = s
		d.value = text.AppendHTTPDate(d.value[:0], wall)
	}
	return d.value
}
