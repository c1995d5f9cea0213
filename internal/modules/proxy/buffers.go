package proxy

import "hearth/internal/conf"

// optional is a size whose default follows from others.
type optional struct {
	set  bool
	size int64
}

func parseOptional(c *conf.Cursor, args []string) (optional, error) {
	n, err := conf.Size(c, args)
	return optional{true, n}, err
}

func (o optional) or(size int64) int64 {
	if o.set {
		return o.size
	}
	return size
}

// checkBuffers are the rules that nginx has for the sizes, and the defaults of those not given: two buffers.
func checkBuffers(c *conf.Cursor, l *location) error {
	const atLeast = " must be equal to or greater than the maximum of the value of \"proxy_buffer_size\" and one of the \"proxy_buffers\""
	largest := max(l.HeadSize, l.buffers.Size)
	busy, write := l.busy.or(2*largest), l.write.or(2*largest)
	switch {
	case l.buffers.Num < 2:
		return c.Errorf("there must be at least 2 \"proxy_buffers\"")
	case busy < largest:
		return c.Errorf("\"proxy_busy_buffers_size\"" + atLeast)
	case busy > int64(l.buffers.Num-1)*l.buffers.Size:
		return c.Errorf("\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer")
	case write < largest:
		return c.Errorf("\"proxy_temp_file_write_size\"" + atLeast)
	case l.MaxTempFile != 0 && l.MaxTempFile < largest:
		return c.Errorf("\"proxy_max_temp_file_size\" must be equal to zero to disable temporary files usage or" + atLeast)
	}
	return nil
}
