package conf

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Cursor is the place where Load is reading. It is handed to everything a row runs.
type Cursor struct {
	opts   Options
	schema *Schema
	tree   *tree
	config *Config

	src   *source // nil before and after reading
	in    *Block  // the block being read
	name  string
	each  func(name string, args []string) error // in a free-form block
	body  bool                                   // the current directive's `{` is still to be read
	depth int                                    // of blocks and included files

	blockHooks []func() error // for the end of the outermost block
	fileHooks  []func() error // for the end of the file
}

// source is a file being read, or the text of -g.
type source struct {
	name string
	lexer
}

// Name returns the name of the directive being applied.
func (c *Cursor) Name() string { return c.name }

// In returns the block in which the directive being applied stands.
func (c *Cursor) In() *Block { return c.in }

// Pos returns the place up to which the configuration has been read.
func (c *Cursor) Pos() Pos {
	switch {
	case c.src == nil:
		return Pos{}
	case c.src.arg:
		return Pos{File: CommandLine}
	}
	return Pos{File: c.src.name, Line: c.src.line}
}

// Errorf makes an error at the current place.
func (c *Cursor) Errorf(format string, args ...any) error { return c.Pos().Errorf(format, args...) }

// Warnf reports a warning at the current place.
func (c *Cursor) Warnf(format string, args ...any) {
	if c.opts.Warn != nil {
		c.opts.Warn("warn", c.Errorf(format, args...).Error())
	}
}

// placed makes an *Error of any error: one without place gets the current one.
func (c *Cursor) placed(err error) error {
	e, ok := err.(*Error)
	if !ok {
		return c.Errorf("%s", err)
	}
	if e.Level == "" {
		e.Level = "emerg"
	}
	return e
}

// directiveError gives an error without place the form `"name" directive ERROR`.
func (c *Cursor) directiveError(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*Error); !ok {
		err = fmt.Errorf("\"%s\" directive %w", name, err)
	}
	return c.placed(err)
}

// NewBlock makes the block of the directive being applied, as a child of the block it stands in.
func (c *Cursor) NewBlock(kind Context, args ...string) *Block {
	b := &Block{Kind: kind, Args: args, Pos: c.Pos(), Parent: c.in, tree: c.tree}
	c.in.Children = append(c.in.Children, b)
	return b
}

// Block reads the `{ ... }` of the directive being applied into b, which NewBlock made.
// When b is an outermost block (http), it also carries out inheritance, Finish rows and AtEnd hooks.
func (c *Cursor) Block(b *Block) error {
	outer := c.in
	c.in = b
	err := c.enter(c.readBlock)
	if err == nil && b.Parent.Kind == Main {
		err = c.finish(b)
	}
	c.in = outer
	return err
}

// Free reads the `{ ... }` of the directive being applied as entries that are no directives
// (map, geo, types, split_clients): fn gets the words of each. `include FILE;` works
// inside. An error not made by Errorf is reported with the place alone.
func (c *Cursor) Free(fn func(name string, args []string) error) error {
	outer := c.each
	c.each = func(name string, args []string) error {
		if name == "include" && len(args) == 1 {
			return c.include(args[0])
		}
		if err := fn(name, args); err != nil {
			return c.placed(err)
		}
		return nil
	}
	err := c.enter(c.readBlock)
	c.each = outer
	return err
}

// AtEnd has fn run when the outermost block (http) has been read, inherited and finished,
// or at the end of the file when the directive stands in no block. Errors are treated as
// those of a Finish row.
func (c *Cursor) AtEnd(fn func() error) {
	hooks := c.hooks(c.in)
	*hooks = append(*hooks, fn)
}

func (c *Cursor) hooks(b *Block) *[]func() error {
	if b.Kind == Main {
		return &c.fileHooks
	}
	return &c.blockHooks
}

// FullPath makes a name absolute as nginx does: by the directory of the
// configuration file (confPrefix) or by the server's prefix.
func (c *Cursor) FullPath(name string, confPrefix bool) string {
	if confPrefix {
		return fullPath(c.config.ConfPrefix, name)
	}
	return fullPath(c.config.Prefix, name)
}

func fullPath(prefix, name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return prefix + name
}

// withSlash returns the directory part of a path with its slash.
func withSlash(path string) string {
	dir, _ := filepath.Split(path)
	return dir
}
