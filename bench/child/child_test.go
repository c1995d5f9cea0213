package child

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPortsAreFreeAndNeverRepeated(t *testing.T) {
	ports := NewPorts()
	seen := map[string]bool{}
	for range 50 {
		addr, err := ports.Next()
		if err != nil {
			t.Fatal(err)
		}
		if seen[addr] {
			t.Fatalf("%s was handed out twice", addr)
		}
		seen[addr] = true
	}
}

func TestPortsSkipOneThatIsTaken(t *testing.T) {
	ports := NewPorts()
	first, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", first)
	if err != nil {
		t.Skip("somebody else took the port meanwhile")
	}
	defer ln.Close()
	ports.next--
	if next, err := ports.Next(); err != nil || next == first {
		t.Fatalf("got %s, %v while %s is taken", next, err, first)
	}
}

func TestStopEndsTheProgramAndItsChildren(t *testing.T) {
	// The shell ignores nothing; its child ignores SIGTERM, as a stuck worker would.
	pidFile := filepath.Join(t.TempDir(), "pid")
	p, err := Start("sh", nil, "/bin/sh", "-c",
		`(trap "" TERM; while :; do sleep 0.05; done) & echo $! >`+pidFile+`.tmp; mv `+pidFile+`.tmp `+pidFile+`; wait`)
	if err != nil {
		t.Fatal(err)
	}
	var worker int
	for worker == 0 && !p.Exited() {
		text, _ := os.ReadFile(pidFile)
		worker, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	p.Stop()
	if !p.Exited() {
		t.Error("the program still runs")
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		if state := processState(worker); state == "" || state == "Z" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("its child %d still runs", worker)
		}
	}
}

// processState is the letter of /proc/PID/stat, or empty when there is no such process.
func processState(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:1]
}

func TestWaitListeningFailsWhenTheProgramEnds(t *testing.T) {
	addr, err := NewPorts().Next()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start("true", nil, "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	err = p.WaitListening(context.Background(), addr)
	if err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Fatalf("got %v", err)
	}
	if err := p.Signal(syscall.SIGTERM); err == nil {
		t.Error("a signal to an ended program is an error")
	}
}
