package cli

import (
	"flag"
	"time"

	"hearth/internal/demo"
)

// demo is `hearth demo`.
func (c *command) demo(args []string) int {
	f := flag.NewFlagSet("hearth demo", flag.ContinueOnError)
	f.SetOutput(c.stderr)
	listen := f.String("listen", "127.0.0.1:8080", "the proxy's `address`")
	seconds := f.Int("seconds", 0, "end after so many seconds (0 = at Ctrl-C)")
	if err := f.Parse(args); err != nil {
		return 1
	}
	if f.NArg() > 0 || *seconds < 0 {
		c.say("usage: hearth demo [--listen address] [--seconds n]")
		return 1
	}
	return demo.Run(demo.Options{
		Listen: *listen, For: time.Duration(*seconds) * time.Second, Version: Version(), Stdout: c.stdout, Stderr: c.stderr,
	})
}
