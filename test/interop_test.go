package test

import (
	"os"
	"os/exec"
	"testing"
)

// grpc-go's client reaches grpc-go's server through hearth in all of their interoperability cases, and
// calls end, wait and fail as they should. The tests are a module of their own, test/grpc, so that hearth does not depend on grpc-go.
func TestInteroperabilityOfGRPC(t *testing.T) {
	t.Parallel()
	args := []string{"test", "-count=1"}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = "grpc"
	cmd.Env = append(os.Environ(), "HEARTH_BINARY="+hearthBinary)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, tail(string(out)))
	}
}
