PYTHON ?= python3
BIN := .build/venv/bin
# The levels of the tests, and what a single level or test gets passed: make engine T='-k life'
LEVELS := unit servicer program engine
T ?=
# Tests at once. Most of what a test does is to wait for Pulumi's processes, so that is more than there are cores.
JOBS ?= 4

# Pyright would ask the network for its newest version.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

help:  ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-36s %s\n", $$1, $$2 }'

demo:  ## create an Agent Ingress with the real Pulumi engine, on an emulated ngrok API; DESCRIPTION="…" changes it
	@$(PYTHON) -m tools.demo up $(if $(DESCRIPTION),--description "$$DESCRIPTION")

demo-full:  ## the whole of it: an ingress, its DNS records in a real BIND, its certificate and an agent's configuration
	@$(PYTHON) -m tools.demo up-full

demo-shell:  ## a shell in which pulumi works on the demo's stack
	@$(PYTHON) -m tools.demo shell

demo-destroy:  ## destroy what the demo made, and its folder
	@$(PYTHON) -m tools.demo destroy

demo-full-destroy:  ## destroy what the full demo made, and its folder
	@$(PYTHON) -m tools.demo destroy-full

test: lint bind  ## everything that CI runs: lint, then all levels of tests
	$(call pytest,--numprocesses $(JOBS) --dist worksteal $(LEVELS:%=tests/%))

unit servicer: env bind  ## one level of tests; T='-k name' passes arguments to pytest
	$(BIN)/python -m pytest tests/$@ $(T)

program: env  ## the level that runs programs under Pulumi's mocks, with the packages of all DNS providers
	@dns="$$($(PYTHON) -m tools.environment dns-sdks)" && \
	PULUMI_AGIN_TEST_DNS_SDKS="$$dns" $(BIN)/python -m pytest tests/program $(T)

engine: env bind  ## the level that runs the real Pulumi CLI; T='-k name' as well
	$(call pytest,tests/engine)

# The engine's tests want a Pulumi CLI, an environment with the wheel as a user would have it, and the oldest SDK; those
# of programs the packages of the DNS providers.
define pytest
	@cli="$$($(PYTHON) -m tools.pulumi_cli)" && user="$$($(PYTHON) -m tools.environment user)" && \
	sdk="$$($(PYTHON) -m tools.environment oldest-sdk)" && dns="$$($(PYTHON) -m tools.environment dns-sdks)" && \
	PULUMI_AGIN_TEST_CLI="$$cli" PULUMI_AGIN_TEST_USER_ENV="$$user" PULUMI_AGIN_TEST_OLDEST_SDK="$$sdk" \
	PULUMI_AGIN_TEST_DNS_SDKS="$$dns" $(BIN)/python -m pytest $(1) $(T)
endef

lint: env  ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: env  ## what our own work costs, beside its floor; T='--counts 1 --runs 3' for a quick look
	@$(BIN)/python -m benchmarks $(T)

env:  ## the development environment .build/venv
	@$(PYTHON) -m tools.environment dev >/dev/null

bind:  ## BIND's named and dig, which are installed where they are missing and this user may
	@$(PYTHON) -m tools.bind >/dev/null

clean:  ## remove everything that was made
	rm -rf .build

.PHONY: help demo demo-full demo-shell demo-destroy demo-full-destroy test lint bench env bind clean $(LEVELS)
