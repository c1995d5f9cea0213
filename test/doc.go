// Package test is the black-box scenarios: the real binary, started with a configuration, between real clients and real or
// scripted backends, and Debian's nginx beside it as oracle. It imports nothing of hearth, and holds no code but tests.
//
// A Lab is one test's machine room: it starts proxies and backends on loopback addresses, and when the test ends it checks that
// hearth neither leaked a descriptor, nor crashed, nor raced. See lab_test.go.
package test
