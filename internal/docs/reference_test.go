package docs

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheConfigurationReferenceIsCurrent(t *testing.T) {
	want, err := exec.Command("go", "run", "hearth/cmd/hearth", "directives", "--markdown").Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, "docs/CONFIGURATION.md"), string(want)); diff != "" {
		t.Errorf("docs/CONFIGURATION.md is out of date; run `make docs` (- there, + wanted):\n%s", diff)
	}
}
