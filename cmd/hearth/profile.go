//go:build profile

package main

import (
	"os"
	"runtime/pprof"
	"strconv"
	"time"
)

// Built with -tags profile, hearth writes a CPU profile of HEARTH_PROFILE_SECONDS to HEARTH_PROFILE: the input of
// `make pgo`.
func init() {
	name := os.Getenv("HEARTH_PROFILE")
	if name == "" {
		return
	}
	seconds, _ := strconv.Atoi(os.Getenv("HEARTH_PROFILE_SECONDS"))
	f, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		panic(err)
	}
	time.AfterFunc(time.Duration(max(seconds, 1))*time.Second, func() {
		pprof.StopCPUProfile()
		f.Close()
	})
}
