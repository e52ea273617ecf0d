PYTHON ?= python3
BIN := .build/venv/bin
# More tests at once than cores: they mostly wait for Pulumi's processes.
JOBS ?= 4
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist worksteal

# Without bytecode, each process would compile all imports again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' Makefile | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

demo:  ## a real `pulumi up` on the emulator; YAML=1 in YAML; FULL=1 with DNS and certificate; DESCRIPTION="…"
	@$(PYTHON) -m tools.demo up $(DEMO) $(if $(DESCRIPTION),--description "$$DESCRIPTION")

demo-shell:  ## a shell in which pulumi and pulumi-agin work on the demo's stack; YAML=1 or FULL=1 as well
	@$(PYTHON) -m tools.demo shell $(DEMO)

demo-destroy:  ## destroy the resources and folders of the demos
	@$(PYTHON) -m tools.demo destroy

DEMO = $(if $(FULL),--demo full,$(if $(YAML),--demo yaml))

env:  ## the development environment, .build/venv
	@$(PYTHON) -m tools.environment dev >/dev/null

lint: env  ## formatting, lint, types, import contracts, and the workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet --pedantic .github
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@# The two slow ones run at the same time.
	$(BIN)/mypy & mypy=$$!; $(BIN)/pyright --pythonpath $(BIN)/python; pyright=$$?; wait $$mypy && exit $$pyright

unit: env  ## the unit tests
	$(PYTEST) tests/unit

coverage: env  ## the unit, servicer and CLI tests, with the coverage of all their processes in .build/coverage
	@mkdir -p .build/coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q --numprocesses $(JOBS) --dist worksteal tests/unit tests/servicer tests/cli
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

test: env  ## lint, every level, the main scenarios with the real engine, the docs, and a life on another Python
	@# A missing CLI or BIND is made in the background: the tests that need it wait for it.
	@trap 'exit 130' INT; mkdir -p .build/logs; nice $(PYTHON) -m tools.bind >.build/logs/bind.log 2>&1 & \
	nice $(PYTHON) -m tools.pulumi_cli yaml >.build/logs/background.log 2>&1 & \
	status=0; \
	$(MAKE) --no-print-directory unit || status=1; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(PYTEST) -m main tests/servicer tests/program tests/cli || status=1; \
	$(BIN)/python -m tools.versions python >.build/logs/python.log 2>&1 & python=$$!; \
	$(PYTEST) -m main tests/engine tests/docs || status=1; \
	wait $$python || status=1; cat .build/logs/python.log; \
	exit $$status

test-rest: env  ## the other tests, the site, every other Python, and the lowest versions of the dependencies
	@trap 'exit 130' INT; status=0; \
	$(PYTEST) -m rest tests || status=1; \
	$(MAKE) --no-print-directory docs || status=1; \
	$(BIN)/python -m tools.versions pythons || status=1; \
	$(BIN)/python -m tools.versions lowest || status=1; \
	exit $$status

test-all: test test-rest  ## everything but the weekly tests

acceptance: env  ## compare ngrok with the emulator: make acceptance DOMAIN=test.acme.com, with NGROK_API_KEY set
	@$(if $(DOMAIN),,echo "pass one of your domains, as in: make acceptance DOMAIN=test.acme.com" >&2; exit 2)
	$(BIN)/python -m pytest -q tests/servicer/test_acceptance.py --ngrok $(DOMAIN)

docs: env  ## the site of the docs, in .build/site; a broken link or anchor is an error
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html -d .build/site-doctrees docs .build/site
	@echo "the site is in .build/site/index.html"

bench: env  ## benchmarks, compared with a provider that does nothing; T='--counts 1 --runs 3' for a quick run
	@$(BIN)/python -m benchmarks $(T)

lock:  ## tools/locks/dev.txt, in line with pyproject.toml; T=--upgrade selects the newest versions
	@$(PYTHON) -m tools.environment lock $(T)

.PHONY: help demo demo-shell demo-destroy env lint unit coverage test test-rest test-all docs bench lock acceptance
