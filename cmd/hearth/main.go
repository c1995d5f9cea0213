// Command hearth is a reverse proxy and load balancer that reads an nginx.conf.
package main

import (
	"os"

	"hearth/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
