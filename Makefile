# Everything a user or CI does is a target here; `make help` lists them.

GO      ?= go
BIN     := .cache/bin
AIBENCH := $(BIN)/aibench
# What a run's records say about the aibench that made it.
COMMIT  := $(shell git describe --always --dirty 2>/dev/null)
LDFLAGS := -X aibench/harness/version.commit=$(COMMIT)
# Further flags of `aibench run`, e.g. make bench ARGS='-trials 10 -run-id mine'
ARGS    ?=

.PHONY: help build bench test lint engine bench-engine bench-instrument clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## compile aibench and the suite into .cache/bin
	@echo building aibench and its suite into $(BIN)
	@$(GO) build -ldflags "$(LDFLAGS)" -o $(AIBENCH) ./harness/cmd/aibench
	@$(GO) test -c -ldflags "$(LDFLAGS)" -o $(BIN)/benchmarks.test ./benchmarks

bench: build ## demo A/B on the mock engine: an 8B model on a 16 GB machine, simulated
	$(AIBENCH) run -config fixtures/presets/demo.yaml $(ARGS)

test: ## all tests; hermetic
	$(GO) test ./...

lint: ## gofmt, vet, staticcheck, actionlint, tidy go.mod
	@files=$$(gofmt -l benchmarks harness fixtures mockserver ci); if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) tool actionlint
	$(GO) mod tidy -diff

engine: ## build a real engine (Ollama 0.6.5, CPU only) and a tiny model into .cache
	bash ci/engine.sh

bench-engine: build engine ## sweep the real engine, and once beyond its context
	$(AIBENCH) run -config fixtures/presets/ollama-real.yaml -stage baseline $(ARGS)

bench-instrument: ## the client's own error, cost, streams and schedule; wants a quiet machine
	$(GO) test -run '^$$' -bench 'Client(Error|Cost|Streams)' -benchtime=3x ./harness/client
	$(GO) test -run '^$$' -bench Parse ./harness/client
	$(GO) test -run '^$$' -bench OpenLoop -benchtime=20s ./harness/load

clean: ## remove what was built (results stay)
	rm -rf .cache
