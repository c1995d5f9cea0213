package server

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hearth/internal/conf"
)

// loadMain reads main-level directives.
func loadMain(t *testing.T, config string) *Main {
	t.Helper()
	var errs strings.Builder
	setup, err := Load(&Options{File: "/nginx.conf", Prefix: "/prefix", Content: []byte(config)}, NewMessages(&errs))
	if err != nil {
		t.Fatal(errs.String())
	}
	return setup.Main
}

func TestMainDirectives(t *testing.T) {
	m := loadMain(t, "")
	if !m.Daemon || !m.Master || m.Pid != DefaultPid || m.Workers != 1 || m.ErrorLogs[0].Level.String() != "error" {
		t.Errorf("defaults: %+v", m)
	}
	m = loadMain(t,
		"daemon off; master_process off; pid logs/pid; worker_processes auto; worker_rlimit_nofile 5000; worker_shutdown_timeout '1m 30s';"+
			"error_log logs/e warn; error_log stderr; working_directory /tmp; events { worker_connections 77; use epoll; }")
	if m.Daemon || m.Master || m.Pid != "/prefix/logs/pid" || m.Workers != 0 || m.OpenFiles != 5000 || m.ShutdownTimeout.Seconds() != 90 ||
		m.WorkingDir != "/tmp" || m.Connections != 77 || len(m.ErrorLogs) != 2 || m.ErrorLogs[0].Path != "/prefix/logs/e" {
		t.Errorf("%+v", m)
	}
}

func TestTheEnvironmentIsReducedToWhatIsNamed(t *testing.T) {
	before := os.Environ()
	defer func() {
		os.Clearenv()
		for _, e := range before {
			name, value, _ := strings.Cut(e, "=")
			os.Setenv(name, value)
		}
	}()
	os.Clearenv()
	for _, name := range []string{"TZ", "KEPT", "SET", "GONE"} {
		os.Setenv(name, "old")
	}
	loadMain(t, "env KEPT; env SET=new; env ABSENT;").applyEnv()
	got := os.Environ()
	slices.Sort(got)
	if want := []string{"KEPT=old", "SET=new", "TZ=old"}; !slices.Equal(got, want) {
		t.Errorf("the environment is %q, want %q", got, want)
	}
}

// Differences from nginx's documentation that are meant.
var meant = []string{
	`ngx_core_module pid: default "/run/hearth.pid", nginx "logs/nginx.pid"`,
	`ngx_core_module env: default "", nginx "TZ"`,
	`ngx_core_module user: default "nobody", nginx "nobody nobody"`,
}

func TestMainDirectivesAreThoseOfNginxsDocumentation(t *testing.T) {
	for _, slip := range conf.NewSchema(mainDirectives).Audit() {
		if !slices.Contains(meant, slip) && !strings.Contains(slip, "error_log") {
			t.Errorf("%s", slip)
		}
	}
}
