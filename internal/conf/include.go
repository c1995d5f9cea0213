package conf

import "strings"

// includeRow is the one directive of the language itself.
var includeRow = Directive{
	Name: "include",
	Doc:  "Reads another file, or all files that match a pattern, at this place.",
}

func init() { // breaks the cycle include -> read -> apply -> includeRow
	includeRow.Set = func(c *Cursor, _ *Block, args []string) error { return c.include(args[0]) }
}

// include reads the files that a name or pattern means. No match of a pattern is no error.
func (c *Cursor) include(name string) error {
	name = c.FullPath(name, true)
	if !strings.ContainsAny(name, "*?[") {
		return c.readFile(name)
	}
	if c.opts.Glob == nil {
		return nil
	}
	names, err := c.opts.Glob(name)
	if err != nil {
		return c.Errorf("glob() \"%s\" failed %s", name, errnoText(err))
	}
	for _, name := range names {
		if err := c.readFile(name); err != nil {
			return err
		}
	}
	return nil
}
