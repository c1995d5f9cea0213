//go:build race

package test

// With -race the binary is built with it too: its reports fail the test that caused them.
const race = true
