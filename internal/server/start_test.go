package server

import (
	"os"
	"strings"
	"testing"
)

// wantRefused starts a server that must not start, and returns what it says on the standard error.
func wantRefused(t *testing.T, config string) string {
	t.Helper()
	w := prepareWorld(t, config)
	if s, err := Start(w.options(), NewMessages(&w.stderr)); err == nil {
		s.Stop()
		t.Fatal("the server started")
	}
	return w.stderr.String()
}

func TestWhatKeepsAServerFromStartingIsSaidOnce(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"no events", "http {}", `no "events" section in configuration`},
		{"unknown directive", "events {}\nfoo;", `unknown directive "foo" in `},
		{"pid file", "pid /nonexistent/x.pid;\nevents {}", `open() "/nonexistent/x.pid" failed (2: No such file or directory)`},
		{"error log", "error_log /nonexistent/e.log;\nevents {}", `open() "/nonexistent/e.log" failed (2: No such file or directory)`},
		{"address that is not ours", "events {}\nhttp { access_log off; server { listen 192.0.2.1:80; } }", `bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)`},
		{"workers", "worker_processes many;\nevents {}", `"worker_processes" directive invalid value in `},
		{"two events", "events {}\nevents {}", `"events" directive is duplicate in `},
		{"user", "user nosuchuser;\nevents {}", `getpwnam("nosuchuser") failed in `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "user" && os.Geteuid() != 0 {
				t.Skip("the user directive is looked at as root only")
			}
			got := wantRefused(t, test.config)
			if !strings.HasPrefix(got, "hearth: [emerg] "+test.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("it says %q, want one line with %q", got, test.want)
			}
		})
	}
}

func TestAnAddressInUseIsTriedAgainAndGivenUp(t *testing.T) {
	got := wantRefused(t, "events {}\nhttp { access_log off; server { listen BACKEND; } }")
	if strings.Count(got, "failed (98: Address already in use)\n") != bindTries || !strings.HasSuffix(got, "hearth: [emerg] still could not bind()\n") {
		t.Errorf("it says %q", got)
	}
}

func TestCheckBindsNothingForGoodAndToleratesAddressesInUse(t *testing.T) {
	w := prepareWorld(t, "events {}\nhttp { access_log off; server { listen LISTEN; listen BACKEND; } }")
	setup, err := Check(w.options(), NewMessages(&w.stderr))
	if err != nil || setup == nil || w.stderr.String() != "" {
		t.Errorf("the check fails: %v %s", err, w.stderr.String())
	}
	if got := w.get("/"); !strings.Contains(got, "connection refused") {
		t.Errorf("after the check the address answers %q", got)
	}
}

func TestMoreConnectionsThanDescriptorsIsAWarning(t *testing.T) {
	w := prepareWorld(t, "events { worker_connections 1000000; }\nworker_rlimit_nofile 1000;")
	setup, err := Check(w.options(), NewMessages(&w.stderr))
	if err != nil || w.stderr.String() != "" { // of a start alone, as in nginx
		t.Fatalf("the check: %v %s", err, w.stderr.String())
	}
	setup.Main.warnLimits(NewMessages(&w.stderr))
	if got, want := w.stderr.String(), "hearth: [warn] 1000000 worker_connections exceed open file resource limit: 1000\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
