package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// packages names the Debian package of each program that is needed beside hearth.
var packages = map[string]string{"nginx": "nginx-full", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client"}

// install sees to it that the programs are there: it installs what is missing when it may, and otherwise
// says what is to be installed.
func install(programs []string) error {
	var missing []string
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, packages[program])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	command := append([]string{"apt-get", "install", "-y"}, missing...)
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return fmt.Errorf("these are missing; install them as root: %s", strings.Join(command, " "))
	}
	fmt.Fprintln(os.Stderr, "installing:", strings.Join(command, " "))
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return nil
}
