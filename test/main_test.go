package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// hearthBinary is the program under test, built once for the run; nginxBinary is the oracle, "" where it is not installed.
var hearthBinary, nginxBinary string

// TestMain builds the program under test. HEARTH_BINARY names a program to use instead; with nginx's own, the scenarios test themselves.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	nginxBinary = installed("nginx")
	if hearthBinary = os.Getenv("HEARTH_BINARY"); hearthBinary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "hearth-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	hearthBinary = filepath.Join(dir, "hearth")
	if err := build(hearthBinary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(file string) error {
	args := []string{"build", "-pgo=off", "-o", file} // the profile changes nothing but speed, and costs half a minute
	env := append(os.Environ(), "CGO_ENABLED=0")
	if race {
		args = append(args, "-race")
		env = append(env, "CGO_ENABLED=1")
	}
	cmd := exec.Command("go", append(args, "hearth/cmd/hearth")...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stderr, os.Stderr
	return cmd.Run()
}

// installed finds a program that Debian may put where only root looks.
func installed(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	return ""
}

// need skips the test where a program it uses is not installed; ./needs installs all.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if installed(name) == "" {
			t.Skipf("%s is not installed", name)
		}
	}
}
