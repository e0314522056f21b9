# Needs make, a package index and Python >= 3.11 (or uv). Nothing here touches anything outside this
# folder; `.venv` is made on first use and brought up to date when the requirements change.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUN := $(VENV)/.farthing-run
DEV := $(VENV)/.farthing-dev
FUZZ := $(VENV)/.farthing-fuzz
TOOL_SERVERS := build/tool-servers
UPGRADE :=
PYTEST_ARGS :=
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
PIN = "$$uv" pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--annotation-style line --custom-compile-command 'make requirements' --quiet

# No target may spend money: the demo, tests and benchmarks use the simulator (`farthing run` uses the key).
unexport OPENROUTER_API_KEY OPENROUTER_MANAGEMENT_KEY
# An outer Python environment must not leak into ours.
unexport PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PYTHON

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check bench bench-cluster bench-tools crash-test kill-test nightly fuzz node-tools schemas docs \
	container requirements tool-servers clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(RUN) ## See the whole product at work against the simulator: no key, no service, no cost
	@$(BIN)/farthing demo

test: $(DEV) ## Run all tests on all cores (PYTEST_ARGS="-k name" to choose)
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

check: $(DEV) ## Run everything CI checks but the tests: lint, format, types, layers, purity, ceilings, pins
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --warnings
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_purity.py
	$(BIN)/python scripts/check_ceilings.py
	$(BIN)/python scripts/check_requirements.py
	$(BIN)/python scripts/make_schema.py --check
	$(BIN)/python scripts/make_settings.py --check
	$(BIN)/python scripts/make_cli_reference.py --check
	$(BIN)/python scripts/make_man_page.py --check

bench: $(DEV) ## Measure the pipeline against the figures in the README
	$(BIN)/farthing bench pipeline

tool-servers: $(TOOL_SERVERS)/.installed ## Install the MCP servers of `make bench-tools` into build/ (needs npm and Node.js 20)

bench-tools: $(DEV) $(TOOL_SERVERS)/.installed ## Measure whether the right one of over 218 tools of real servers is found
	$(BIN)/farthing bench tools --folder $(TOOL_SERVERS)
bench-cluster: $(DEV) ## Kill one of three Ray nodes midway through 2,000 agents; compare with the bill (some 5 minutes)
	$(BIN)/farthing bench cluster

crash-test: $(DEV) ## Kill 200 working processes, restart, reconcile and compare with the bill (some 15 minutes)
	$(BIN)/python -m tests.journeys.crashes --runs 200

kill-test: $(DEV) ## Kill a run of 200 agents 20 times by SIGKILL, resume it each time, on both databases (some 5 minutes)
	$(BIN)/python -m tests.journeys.killed_runs

nightly: $(DEV) ## Play the ledger's state machine at length on both databases, and its six mutants (some 30 minutes)
	$(BIN)/python -m tests.spend.machine.nightly

node-tools: $(DEV) ## Let a swarm use the Node reference servers for MCP; needs npx and its registry
	$(BIN)/python -m tests.journeys.real_tools

fuzz: $(FUZZ) ## Feed our readers what nobody should send, by coverage, FUZZ_SECONDS for each target
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

schemas: $(RUN) ## Write what is generated anew: schemas/, the settings and the commands in docs/
	$(BIN)/python scripts/make_schema.py
	$(BIN)/python scripts/make_settings.py
	$(BIN)/python scripts/make_cli_reference.py
	$(BIN)/python scripts/make_man_page.py

docs: $(DEV) ## Build the documentation as a site in build/site; broken links fail
	$(BIN)/mkdocs build --strict --quiet
	@echo "built: build/site/index.html"

container: ## Build the container image, where podman or docker is installed and answers
	@for engine in podman docker; do \
		if "$$engine" info >/dev/null 2>&1; then exec "$$engine" build --tag farthing --file Containerfile .; fi; \
	done; \
	echo "No container engine answers here: install podman, or start docker." >&2; exit 1

requirements: $(RUN) ## Pin what pyproject.toml asks for (UPGRADE=--upgrade takes the newest versions)
	@uv=$$(command -v uv) || { $(PIP) install --quiet uv && uv=$(BIN)/uv; } && \
	$(PIN) pyproject.toml $(UPGRADE) --group build --group dev --extra mcp --extra notify --extra openai-agents --extra plot --extra postgres --extra pydantic-ai --extra ray --extra semantic --extra telemetry --extra tokens --output-file requirements/dev.txt && \
	$(PIN) pyproject.toml --group build --constraint requirements/dev.txt --output-file requirements/run.txt && \
	$(PIN) --group pyproject.toml:fuzz --output-file requirements/fuzz.txt && \
	$(PIN) --group pyproject.toml:tool-servers --output-file requirements/tool-servers.txt
	$(BIN)/python scripts/check_requirements.py

clean: ## Remove .venv, caches and build output; never a ledger or the results of a run
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache bench-results
	find . -path ./.git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

$(RUN): requirements/run.txt pyproject.toml
	@sh scripts/create_venv.sh $(VENV)
	@echo "Installing what Farthing needs to run (only when its requirements change) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements/run.txt
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml
	@sh scripts/create_venv.sh $(VENV)
	@echo "Installing the development tools (only when their requirements change) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $(RUN) $@

$(FUZZ): $(DEV) requirements/fuzz.txt
	@echo "Installing the fuzzer (only when its requirements change) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements/fuzz.txt
	@touch $@

$(TOOL_SERVERS)/.installed: requirements/tool-servers.txt requirements/tool-servers/package-lock.json
	@command -v npm >/dev/null || { echo "npm is not installed; these servers need it, and Node.js 20" >&2; exit 1; }
	@mkdir -p $(TOOL_SERVERS)
	@sh scripts/create_venv.sh $(TOOL_SERVERS)/python
	@echo "Installing the MCP servers (only when their pins change) ..."
	@$(TOOL_SERVERS)/python/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
		--require-hashes --requirement requirements/tool-servers.txt
	@cp requirements/tool-servers/package.json requirements/tool-servers/package-lock.json $(TOOL_SERVERS)/
	@cd $(TOOL_SERVERS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
