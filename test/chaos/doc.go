// Package chaos is a storm: the real binary between backends and clients that misbehave in every way at random, while it
// is reloaded and its logs are reopened. See chaos_test.go for what must hold. It holds no code but tests.
package chaos
