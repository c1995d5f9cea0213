package upstream

import "hearth/internal/conf"

// zone is a `zone` of upstream blocks. There is one process here, so it keeps nothing; what nginx checks is checked.
type zone struct {
	name string
	size int64
}

// leastZone is eight pages, nginx's minimum.
const leastZone = 8 * 4096

// setZone reads `zone NAME [SIZE]` (ngx_http_upstream_module, "zone"). One of several blocks has to give the size.
func setZone(c *conf.Cursor, _ *conf.Block, b *block, args []string) error {
	name, size := args[0], int64(0)
	if name == "" {
		return c.Errorf("invalid zone name \"%s\"", name)
	}
	if len(args) == 2 {
		var err error
		if size, err = conf.Size(c, args[1:]); err != nil {
			return c.Errorf("invalid zone size \"%s\"", args[1])
		}
		if size < leastZone {
			return c.Errorf("zone \"%s\" is too small", name)
		}
	}
	s := groupsSlot.Of(c.In())
	z := s.zones[name]
	if z == nil {
		z = &zone{name: name}
		if s.zones == nil {
			s.zones = map[string]*zone{}
		}
		s.zones[name] = z
	}
	if z.size != 0 && size != 0 && z.size != size {
		return c.Errorf("the size %d of shared memory zone \"%s\" conflicts with already declared size %d", size, name, z.size)
	}
	z.size = max(z.size, size)
	b.zone = z
	return nil
}

// checkZones is run when the http block has been read. That it is run at all also sees to it that there is a groups
// value in configurations which define no upstream.
func checkZones(_ *conf.Block, s *groups) error {
	for name, z := range s.zones {
		if z.size == 0 {
			return conf.Pos{}.Errorf("zero size shared memory zone \"%s\"", name)
		}
	}
	return nil
}
