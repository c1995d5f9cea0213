//go:build race

package vars

func init() { raceEnabled = true }
