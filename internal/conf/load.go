package conf

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// Options says what to load.
type Options struct {
	File    string // absolute, or relative to Prefix
	Prefix  string // directory of the server; relative names in the configuration start here
	Globals string // the text of -g: directives read before the file
	Schema  *Schema

	// Warn receives warnings, with their place. Level is that of the error log ("warn"). May be nil.
	Warn func(level, msg string)

	// ReadFile and Glob stand for the file system, for tests and built-in
	// configurations. Nil means the real one; Glob is nil too then.
	ReadFile func(name string) ([]byte, error)
	Glob     func(pattern string) ([]string, error)
}

// File is a file that was read.
type File struct {
	Name    string
	Content []byte
}

// Config is a configuration that was read without error, or, beside an error, what was
// read up to it.
type Config struct {
	Root       *Block
	Files      []File // every file once, in the order of first reading
	Prefix     string // with a slash at the end
	ConfFile   string // full name of the configuration file
	ConfPrefix string // its directory, with a slash at the end: where `include` starts
}

// maxDepth bounds blocks and includes within each other, lest a file that includes itself
// fill the memory.
const maxDepth = 1000

// Load reads the configuration and applies every directive. The error is an *Error.
func Load(o Options) (*Config, error) {
	if o.ReadFile == nil {
		o.ReadFile, o.Glob = os.ReadFile, glob
	}
	prefix := o.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	file := fullPath(prefix, o.File)
	t := &tree{}
	if o.Schema != nil {
		t.slots = append(t.slots, o.Schema.slots...)
	} else {
		o.Schema = NewSchema()
	}
	root := &Block{Kind: Main, Pos: Pos{File: file, Line: 1}, tree: t}
	config := &Config{Root: root, Prefix: prefix, ConfFile: file, ConfPrefix: withSlash(file)}
	c := &Cursor{opts: o, schema: o.Schema, tree: t, config: config, in: root}
	err := c.load(file)
	t.frozen = true
	return config, err
}

func (c *Cursor) load(file string) error {
	if c.opts.Globals != "" {
		c.src = &source{name: CommandLine, lexer: lexer{src: []byte(c.opts.Globals), arg: true}}
		if err := c.read(true); err != nil {
			return err
		}
		c.src = nil
	}
	if err := c.readFile(file); err != nil {
		return err
	}
	return c.finish(c.in) // c.src is nil again: errors have no place
}

// readFile reads a whole file into the current block.
func (c *Cursor) readFile(name string) error {
	if c.depth >= maxDepth { // a file that includes itself
		return c.openError(name, syscall.EMFILE)
	}
	content, err := c.opts.ReadFile(name)
	if err != nil {
		return c.openError(name, err)
	}
	c.remember(name, content)
	outer := c.src
	c.src = &source{name: name, lexer: lexer{src: content, line: 1}}
	err = c.enter(func() error { return c.read(true) })
	if err == nil {
		c.src = outer
	}
	return err
}

func (c *Cursor) remember(name string, content []byte) {
	for i := range c.config.Files {
		if c.config.Files[i].Name == name {
			return
		}
	}
	c.config.Files = append(c.config.Files, File{name, content})
}

func (c *Cursor) openError(name string, err error) error {
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) && pathError.Op == "read" {
		return &Error{Level: "crit", Msg: shorten("pread() \"" + name + "\" failed " + errnoText(err))}
	}
	return c.Errorf("open() \"%s\" failed %s", name, errnoText(err))
}

// errnoText returns what nginx writes of a system error: "(2: No such file or directory)".
func errnoText(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "(" + err.Error() + ")"
	}
	msg := errno.Error()
	return "(" + itoa(int(errno)) + ": " + strings.ToUpper(msg[:1]) + msg[1:] + ")"
}

// enter runs fn one level deeper.
func (c *Cursor) enter(fn func() error) error {
	if c.depth >= maxDepth {
		return c.Errorf("blocks are nested too deep")
	}
	c.depth++
	err := fn()
	c.depth--
	return err
}

func (c *Cursor) readBlock() error {
	if !c.body {
		return c.Errorf("the block of \"%s\" is read twice", c.name)
	}
	c.body = false
	return c.read(false)
}

// read applies directives up to the end of the file, or to the closing brace of the block.
func (c *Cursor) read(wholeFile bool) error {
	for {
		words, end, err := c.src.next()
		switch {
		case err != nil:
			return c.Errorf("%s", err)
		case end == endClose && wholeFile:
			return c.Errorf(`unexpected "}"`)
		case end == endFile && !wholeFile:
			return c.Errorf(`unexpected end of file, expecting "}"`)
		case end == endClose, end == endFile:
			return nil
		case end == endOpen && c.src.arg:
			return c.Errorf("block directives are not supported in -g option")
		}
		if c.each != nil {
			err = c.entry(words, end)
		} else {
			err = c.apply(words[0], words[1:], end)
		}
		if err != nil {
			return err
		}
	}
}

// entry hands one entry of a free-form block to its reader.
func (c *Cursor) entry(words []string, end ending) error {
	if end == endOpen {
		return c.Errorf(`unexpected "{"`)
	}
	return c.each(words[0], words[1:])
}

// apply checks one directive against its row and carries it out.
func (c *Cursor) apply(name string, args []string, end ending) error {
	d := c.schema.Lookup(name, c.in.Kind)
	if d == nil && name == "include" {
		d = &includeRow
	}
	if d == nil {
		if end != endOpen && hasAnyway(name, c.in.Kind, args) {
			return nil
		}
		return c.schema.missing(c, name, c.in.Kind)
	}
	switch block := d.Args&WithBlock != 0; {
	case !block && end == endOpen:
		return c.Errorf("directive \"%s\" is not terminated by \";\"", name)
	case block && end != endOpen:
		return c.Errorf("directive \"%s\" has no opening \"{\"", name)
	case !d.Args.accepts(len(args)):
		return c.Errorf("invalid number of arguments in \"%s\" directive", name)
	}
	if d.Once && c.in.hasSeen(d) {
		return c.directiveError(name, errDuplicate)
	}
	if d.Deprecated != "" {
		c.Warnf("the \"%s\" directive is deprecated, use the \"%s\" directive instead", name, d.Deprecated)
	}
	return c.run(d, name, args, end == endOpen)
}

// run calls Set, with the state of the directive around it put aside.
func (c *Cursor) run(d *Directive, name string, args []string, block bool) error {
	outerName, body := c.name, c.body
	c.name, c.body = name, block
	err := c.directiveError(name, d.Set(c, c.in, args))
	if err == nil && c.body {
		err = c.Errorf("the block of \"%s\" was not read", name)
	}
	c.name, c.body = outerName, body
	return err
}

// hasSeen notes the row, and tells whether it had been noted before.
func (b *Block) hasSeen(d *Directive) bool {
	for _, s := range b.seen {
		if s == d {
			return true
		}
	}
	b.seen = append(b.seen, d)
	return false
}
