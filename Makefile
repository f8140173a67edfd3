.DEFAULT_GOAL := help
.PHONY: help run build test lint format fuzz bench bench-overhead bench-parsers bench-duckdb test-world test-program test-bigquery test-crash test-page bench-quota

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

build: ## the program, static, in bin/omega-export
	@CGO_ENABLED=0 go build -trimpath -o bin/omega-export ./cmd/export

run: build ## the main job against the built-in simulator, into demo/
	@bin/omega-export run --simulate --rate 50 --list testdata/numeros.txt --out demo/out --state demo/state --report demo/report.json

test: lint ## everything: linters, tests with the race detector, the built program under DuckDB's eyes
	@go test -race ./...
	@$(MAKE) --no-print-directory --jobs 2 test-world test-program

test-world: ## three days of backfill and thirty nights in simulated time: too slow for the race detector
	@CGO_ENABLED=0 go test -run 'Backfill|Nights|RoundRobin' ./internal/pipeline

test-program: ## the built program: killed, starved, cut off, and read by DuckDB
	@cd e2e && go test -count 1 ./... # go test does not see that the program has changed
	@cd bench && go test ./...
	@cd deploy && CGO_ENABLED=0 go test ./...

test-bigquery: ## BigQuery's SQL, parsed and type-checked by GoogleSQL's own analyzer (its first build takes minutes and 7 GB)
	@cd bigquery && GOFLAGS=-p=1 go test -count 1 .

lint: ## gofumpt, go vet, staticcheck
	@unformatted=$$(cd tools && go tool gofumpt -l ..); test -z "$$unformatted" || { echo "not formatted by gofumpt (make format):"; echo "$$unformatted"; exit 1; }
	@CGO_ENABLED=0 go vet ./... && cd e2e && go vet ./... && cd ../bench && go vet ./...
	@go build -C tools -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@CGO_ENABLED=0 bin/staticcheck ./... && cd e2e && ../bin/staticcheck ./...

format: ## format all Go files with gofumpt
	@cd tools && go tool gofumpt -w ..

test-crash: ## 200 kill -9 of the real program, full disks, power cuts (the last two want root)
	@cd e2e && OMEGA_E2E_KILLS=200 go test -count 1 -timeout 60m -v -run 'Kill|Disk|PowerCut' .

test-page: ## the report's page in headless Chromium, which must be on the PATH (test-program skips it without)
	@cd e2e && OMEGA_E2E_PAGE=1 go test -count 1 -v -run 'ThePage|Hostile' .

bench-quota: ## the quota used and the calls refused, counted at the gateway, at the real rate: about six minutes
	@cd e2e && OMEGA_E2E_QUOTA=1 go test -count 1 -timeout 60m -v -run QuotaTable .

bench: ## benchmarks of the stages (decode, build, encode, whole) and of the other hot paths, with their yardsticks
	@go test -run '^$$' -bench . -benchmem ./internal/...

bench-parsers: ## other JSON parsers on the same way, and what each lets through
	@cd bench && go test -v -run LetsThrough -bench . -benchmem .

bench-duckdb: ## replay of 100,000 answers against DuckDB's read_json to Parquet, five pairs
	@cd e2e && OMEGA_E2E_DUCKDB=$(or $(ANSWERS),100000) go test -count 1 -timeout 60m -v -run '^TestBenchDuckDB$$' .

bench-overhead: ## what report, metrics, traces and pings cost a run, five pairs
	@cd e2e && OMEGA_E2E_OVERHEAD=$(or $(PAIRS),5) go test -count 1 -timeout 60m -v -run '^TestOverhead$$' .

FUZZTIME ?= 5m
fuzz: ## every fuzz target for FUZZTIME (5m); what fails is kept under testdata/fuzz
	@for package in $$(grep -rl '^func Fuzz' --include '*_test.go' internal schemas cmd | xargs -n 1 dirname | sort -u); do \
		for target in $$(grep -rhoE '^func Fuzz[A-Za-z]+' --include '*_test.go' $$package | cut -d ' ' -f 2); do \
			echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$package || exit 1; \
		done; \
	done
