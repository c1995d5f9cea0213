package conf

// finish completes a block that stands in no other (http, events), or the file itself: for every
// slot in the order of the schema, for every block from the outside in, values are
// inherited, defaults applied and Finish rows run. Then the AtEnd hooks run, in the order given.
func (c *Cursor) finish(b *Block) error {
	for i := 0; i < len(c.tree.slots); i++ { // a hook may use a slot for the first time
		s := c.tree.slots[i]
		if err := c.finishSlot(s, c.schema.bySlot[s], b); err != nil {
			return err
		}
	}
	hooks := c.hooks(b)
	for len(*hooks) > 0 { // a hook may add another
		fn := (*hooks)[0]
		*hooks = (*hooks)[1:]
		if err := fn(); err != nil {
			return c.placed(err)
		}
	}
	return nil
}

func (c *Cursor) finishSlot(s anySlot, rows []*Directive, b *Block) error {
	if s.in(b) {
		if err := c.finishOne(s, rows, b); err != nil {
			return err
		}
	}
	if b.Kind == Main {
		return nil // the blocks inside were finished when they were read
	}
	for _, child := range b.Children {
		if err := c.finishSlot(s, rows, child); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cursor) finishOne(s anySlot, rows []*Directive, b *Block) error {
	in, outer := s.at(b), s.outer(b)
	current, name := c.in, c.name
	c.in = b
	defer func() { c.in, c.name = current, name }()
	for _, d := range rows {
		if outer != nil && d.inherit != nil {
			d.inherit(in, outer)
		} else if d.preset != nil {
			c.name = d.Name
			if err := c.directiveError(d.Name, d.preset(c, in)); err != nil {
				return err
			}
		}
	}
	for _, d := range rows {
		if d.finish != nil {
			if err := d.finish(c, b, in); err != nil {
				return c.placed(err)
			}
		}
	}
	return nil
}
