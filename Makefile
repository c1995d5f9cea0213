# The two commands a newcomer needs: `make demo` and `make test`.
GO ?= go
export CGO_ENABLED ?= 0
VERSION ?= $(shell git describe --tags --always 2>/dev/null || echo dev)
STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck

.PHONY: build demo test check needs bench bench-allocs pgo fuzz docs clean

build: bin/hearth

bin/hearth: FORCE
	$(GO) build -trimpath -ldflags "-s -w -X hearth/internal/core.build=$(VERSION)" -o $@ ./cmd/hearth
FORCE:

# hearth with three small built-in backends, a burst of traffic, and a line a second until Ctrl-C.
demo: build
	./bin/hearth demo

# Everything: what the tests need from Debian, the static checks, all tests with the race detector (which needs cgo).
test: needs check build
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

check:
	@test -z "$$(gofmt -l cmd internal bench test)" || { gofmt -l cmd internal bench test; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) test ./internal/layering

needs:
	./test/needs

# hearth beside nginx and haproxy, interleaved; see bench/README.md.
bench: build
	$(GO) run ./bench $(BENCH)

# Fails when a proxied request allocates.
bench-allocs:
	./test/allocs

# The profile that the build optimises by, made anew. Measured: 5 to 7 % less time in hearth's own code (BenchmarkBatchOf64),
# which is a quarter of a small request's; the first build takes about half a minute longer.
pgo:
	./bench/pgo

# Every fuzz target for a few seconds.
fuzz:
	./test/fuzz $(FUZZTIME)

docs: build
	./bin/hearth directives --markdown > docs/CONFIGURATION.md

clean:
	rm -rf bin
