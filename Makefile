PYTHON ?= python3
BIN := .build/venv/bin
# The levels of the tests, and what a single level or test gets passed: make engine T='-k life'
LEVELS := unit dns servicer program engine
LONGEST_FIRST := engine program servicer dns unit
T ?=
# Tests at once: one for each core, and twice as many where Pulumi's processes are, for which most tests mostly wait.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
JOBS ?= $(shell expr 2 \* $(CORES))
# Tests are handed out file by file, in their order: what takes long comes first, and fewer processes load the packages
# of the DNS providers.
PARALLEL = --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
# What is run at once prints one after the other, where this make can do that.
AT_ONCE = $(MAKE) --no-print-directory --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Without the bytecode of what is imported, each process compiles all of it again: half of what tests/program takes.
unexport PYTHONDONTWRITEBYTECODE

# Pyright would ask the network for its newest version.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

help:  ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-36s %s\n", $$1, $$2 }'

demo:  ## create an Agent Ingress with the real Pulumi engine, on an emulated ngrok API; DESCRIPTION="…" changes it
	@$(PYTHON) -m tools.demo up $(if $(DESCRIPTION),--description "$$DESCRIPTION")

demo-yaml:  ## the same in YAML, with the provider plugin; DESCRIPTION="…" changes it
	@$(PYTHON) -m tools.demo up-yaml $(if $(DESCRIPTION),--description "$$DESCRIPTION")

demo-full:  ## the whole of it: an ingress, its DNS records in a real BIND, its certificate and an agent's configuration
	@$(PYTHON) -m tools.demo up-full

demo-shell:  ## a shell in which pulumi works on the demo's stack
	@$(PYTHON) -m tools.demo shell

demo-full-shell:  ## a shell in which pulumi and pulumi-agin doctor work on the full demo's stack, BIND and emulator
	@$(PYTHON) -m tools.demo shell-full

demo-destroy:  ## destroy what the demo made, and its folder
	@$(PYTHON) -m tools.demo destroy

demo-yaml-destroy:  ## destroy what the demo in YAML made, and its folder
	@$(PYTHON) -m tools.demo destroy-yaml

demo-full-destroy:  ## destroy what the full demo made, and its folder
	@$(PYTHON) -m tools.demo destroy-full

# Ctrl-C also reaches make, which waits for what it runs.
acceptance: env  ## ask the real ngrok what the emulator guesses, and run a whole life on it; DOMAIN=test.acme.com
	@$(BIN)/python -m tools.acceptance

test: lint docs bind  ## everything that CI runs: lint, then all levels of tests
	$(call pytest,$(PARALLEL) $(LONGEST_FIRST:%=tests/%))
	@$(BIN)/python -m tools.versions lowest --jobs $(JOBS)

versions: env bind  ## tests with the lowest and the newest versions of all dependencies, on each Python that is there
	@$(BIN)/python -m tools.versions all --jobs $(JOBS) $(T)

go: env bind  ## the whole chain in a program in Go, with a language host that is built for it; not part of make test
	@export PULUMI_AGIN_TEST_CLI="$$($(PYTHON) -m tools.pulumi_cli)"; \
	export PULUMI_AGIN_TEST_GO="$$($(PYTHON) -m tools.languages go)"; \
	export PULUMI_AGIN_TEST_SDKS="$$($(PYTHON) -m tools.sdks)"; \
	export PULUMI_AGIN_TEST_USER_ENV="$$($(PYTHON) -m tools.environment user)"; \
	$(BIN)/python -m pytest tests/go $(T)

quick: env  ## the inner loop: lint and the unit tests at once, without BIND, Go, Pulumi's CLI and the network
	@$(AT_ONCE) --jobs $(LINT) run-unit

unit: env run-unit  ## one level of tests; T='-k name' passes arguments to pytest

run-unit:
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist worksteal tests/unit $(T)

dns servicer: env bind  ## one level of tests, against a real BIND; T='-k name' as well
	$(BIN)/python -m pytest tests/$@ $(T)

program: env  ## the level that runs programs under Pulumi's mocks, with the packages of all DNS providers
	@export PULUMI_AGIN_TEST_DNS_SDKS="$$($(PYTHON) -m tools.environment dns-sdks)"; \
	$(BIN)/python -m pytest tests/program $(T)

engine: env bind  ## the level that runs the real Pulumi CLI; T='-k name' as well
	$(call pytest,tests/engine)

# The engine's tests want a Pulumi CLI, the hosts of other languages, an environment with the wheel as a user would have
# it, npm's packages and the generated SDKs; those of programs the packages of the DNS providers. What can't be set up
# fails the tests that need it, and no others.
define pytest
	@export PULUMI_AGIN_TEST_CLI="$$($(PYTHON) -m tools.pulumi_cli)"; \
	export PULUMI_AGIN_TEST_LANGUAGES="$$($(PYTHON) -m tools.languages)"; \
	export PULUMI_AGIN_TEST_NODE="$$($(PYTHON) -m tools.node)"; \
	export PULUMI_AGIN_TEST_SDKS="$$($(PYTHON) -m tools.sdks)"; \
	export PULUMI_AGIN_TEST_USER_ENV="$$($(PYTHON) -m tools.environment user)"; \
	export PULUMI_AGIN_TEST_DNS_SDKS="$$($(PYTHON) -m tools.environment dns-sdks)"; \
	$(BIN)/python -m pytest $(1) $(T)
endef

# What lint consists of; none needs another.
LINT := lint-format lint-ruff lint-mypy lint-pyright lint-contracts lint-workflows

lint: env  ## format, lint, types, import contracts, and what is in .github
	@$(AT_ONCE) --jobs $(CORES) $(LINT)

lint-format:
	$(BIN)/ruff format --check .

lint-ruff:
	$(BIN)/ruff check .

lint-mypy:
	$(BIN)/mypy

lint-pyright:
	$(BIN)/pyright --pythonpath $(BIN)/python

lint-contracts:
	$(BIN)/lint-imports

lint-workflows:
	$(BIN)/python -m tools.workflows

docs: env  ## the site of the docs, in .build/site; a link or an anchor that leads nowhere is an error
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html -d .build/site-doctrees docs .build/site
	@echo "the site is in .build/site/index.html"

bench: env  ## what our own work costs, beside its floor; T='--counts 1 --runs 3' for a quick look
	@$(BIN)/python -m benchmarks $(T)

pictures: env bind  ## the pictures in docs/pictures, from a run of the real Pulumi engine on an emulated ngrok API
	@$(BIN)/python -m tools.pictures

env:  ## the development environment .build/venv
	@$(PYTHON) -m tools.environment dev >/dev/null

lock:  ## tools/locks/dev.txt, the versions of that environment, in line with pyproject.toml; T=--upgrade takes the newest
	@$(PYTHON) -m tools.environment lock $(T) >/dev/null

bind:  ## BIND's named and dig, which are installed where they are missing and this user may
	@$(PYTHON) -m tools.bind >/dev/null || echo "without it, the tests that need it fail" >&2

release: env  ## the packages and the tag of a release, to push; VERSION=X.Y.Z
	@$(BIN)/python -m tools.release tag "$$VERSION"

clean:  ## remove everything that was made
	rm -rf .build

.PHONY: docs help demo demo-yaml demo-full demo-shell demo-full-shell demo-destroy demo-yaml-destroy demo-full-destroy test versions go quick run-unit lint $(LINT) acceptance bench pictures env lock bind release clean $(LEVELS)
