// Package demo shows hearth at work on one machine: three small backends, the proxy in front of them with an ordinary
// configuration, and a client that reports every second what it saw.
//
// Everything but the proxy is plain net/http, and nothing here is used by the proxy.
package demo

import (
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hearth/internal/server"
)

// Options say how to run the demonstration.
type Options struct {
	Listen  string        // address of the proxy, "127.0.0.1:8080"
	For     time.Duration // 0 = until a signal
	Version string
	Stdout  io.Writer
	Stderr  io.Writer
}

//go:embed demo.conf
var configuration string

// Run shows it and returns the exit code.
func Run(o Options) int {
	if err := run(o); err != nil {
		fmt.Fprintf(o.Stderr, "hearth demo: %s\n", err)
		return 1
	}
	return 0
}

func run(o Options) error {
	if err := free(o.Listen); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hearth-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backends, err := startBackends(3)
	if err != nil {
		return err
	}
	defer backends.close()
	a := backends.addresses()
	say := server.NewMessages(o.Stderr)
	content := fmt.Sprintf(configuration, filepath.Join(dir, "hearth.pid"), a[0], a[1], a[2], o.Listen)
	sigs, stop := server.Notify()
	defer stop()
	s, err := server.Start(server.Options{
		File: filepath.Join(dir, "demo.conf"), Prefix: dir, Content: []byte(content), Version: "hearth/" + o.Version, Guest: true,
	}, say)
	if err != nil {
		return fmt.Errorf("the proxy did not start")
	}
	fmt.Fprintf(o.Stdout, "hearth/%s proxies http://%s/ to %s, %s and %s; Ctrl-C ends it\n", o.Version, o.Listen, a[0], a[1], a[2])
	fmt.Fprintf(o.Stdout, "what it knows of its connections: hearth doctor http://%s/api\n", o.Listen)
	load := startLoad("http://"+o.Listen+"/", backends, o.Stdout)
	if o.For > 0 {
		timer := time.AfterFunc(o.For, func() { sigs <- syscall.SIGQUIT })
		defer timer.Stop()
	}
	s.Run(sigs)
	load.stop()
	return nil
}

// free tells whether the address can be listened on, before the proxy tries several times.
func free(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", address, err)
	}
	return ln.Close()
}
