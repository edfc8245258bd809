# Targets are listed by `make`. Everything that they need beyond Go is fetched
# by the commands themselves into the user's cache folder.
SHELL       := /bin/bash
CACHE       := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/touchstream
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0-dev)
COMMIT      := $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS     := -X main.version=$(VERSION) -X main.commit=$(COMMIT)
LINT_VERSION := v2.15.0
LINT        := $(CACHE)/bin/golangci-lint-$(LINT_VERSION)
CORE        := ./pipeline/... ./operators/... ./sources/file/... ./sources/decode/... ./sources/generator/...
FUZZTIME    ?= 20s

.DEFAULT_GOAL := help
.PHONY: help build demo test faults race fuzz integration bench bench-real bench-compare bench-check bench-baseline peers peer-naive peer-flink peer-kafka-streams peer-clickhouse lint check ci clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## write bin/touchstream
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/touchstream ./cmd/touchstream

demo: build ## run the main job on embedded parts, from generator to ClickHouse
	bin/touchstream demo $(ARGS)

test: ## run all tests, with a real ClickHouse engine and a real Apache Kafka (fetched once)
	CGO_ENABLED=0 go test -timeout 20m ./...

integration: ## run only the tests against real ClickHouse and Kafka
	CGO_ENABLED=0 go test -timeout 20m -run 'Real|Integration' ./...

faults: ## run all fault tests: kills, networks, disks, standbys (20 minutes)
	TOUCHSTREAM_FAULTS=all CGO_ENABLED=0 go test -timeout 60m -count=1 ./deploy/dev/faulttest

race: ## run the core's tests with the race detector (needs a C compiler)
	go test -race -timeout 20m -short $(CORE)

fuzz: ## run every fuzz target for FUZZTIME [20s]
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

bench: ## run the benchmark SUITES [all that need no servers], print tables and write out/bench/*.json
	go run ./bench/suite run $(SUITES)

bench-real: ## run the benchmarks with a real ClickHouse engine and a real Apache Kafka
	go run ./bench/suite run insert consume exact freshness real-latency

bench-compare: ## run SUITES of BASE [the parent commit] and of this tree by turns, ROUNDS [6] times; benchstat judges
	go run ./bench/suite compare -short -base '$(BASE)' -rounds $(or $(ROUNDS),6) $(SUITES)

bench-check: ## fail when a ratio has fallen below that of bench/baseline.json
	go run ./bench/suite check

bench-baseline: ## run SUITES [those that need no servers, and all ratios] and write this processor's part of bench/baseline.json anew
	go run ./bench/suite baseline $(SUITES)

peers: ## measure other systems beside touchstream, compare their rows (one alone: make peer-naive, peer-flink, peer-kafka-streams, peer-clickhouse)
	CGO_ENABLED=0 go run ./bench/peers/run $(ARGS)

peer-naive peer-flink peer-kafka-streams peer-clickhouse: peer-%:
	CGO_ENABLED=0 go run ./bench/peers/run $(ARGS) $*

lint: $(LINT) ## run the linters
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w is needed for:" $$unformatted >&2; exit 1; fi
	go vet ./...
	$(LINT) run

$(LINT):
	@mkdir -p $(dir $@) && d=$$(mktemp -d) && GOBIN=$$d go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && mv $$d/golangci-lint $@

check: lint test ## lint and test

ci: test lint race bench-check ## what CI runs

clean: ## remove what the build wrote
	rm -rf bin out
