PYTHON ?= python3
BIN := .build/venv/bin
UV := .build/uv/bin/uv
CONSTRAINTS := --constraints tools/locks/dev.txt --build-constraints tools/locks/dev.txt
# More tests at once than cores: they mostly wait for Pulumi's processes.
JOBS ?= 4
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist worksteal
# Runs targets one after another, also after a failed one.
EACH := @$(MAKE) --no-print-directory --keep-going

# Without bytecode, each process would compile all imports again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' Makefile | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

demo: $(UV)  ## a real `pulumi up` on the emulator; YAML=1 in YAML; FULL=1 with DNS and certificate
	@$(PYTHON) -m tools.demo up $(DEMO)

demo-shell: $(UV)  ## a shell in which pulumi and pulumi-agin work on the demo's stack; YAML=1 or FULL=1 as well
	@$(PYTHON) -m tools.demo shell $(DEMO)

demo-destroy: $(UV)  ## destroy the resources and folders of the demos
	@$(PYTHON) -m tools.demo destroy

DEMO = $(if $(FULL),--example bind,$(if $(YAML),--example yaml))

env: .build/venv/made-with-$(shell $(PYTHON) -V | tr ' ' '-')
env:  ## the development environment, .build/venv

# An empty file. It has the version in its name, so that another PYTHON makes the environment again.
.build/venv/made-with-%: pyproject.toml tools/locks/dev.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .build/venv
	$(UV) pip install --quiet --python .build/venv $(CONSTRAINTS) --editable .[emulator] --group dev
	@touch $@

$(UV): tools/locks/uv.txt
	@$(PYTHON) -c 'import tools  # checks the version of Python'
	$(PYTHON) -m venv --clear .build/uv
	.build/uv/bin/python -m pip install --quiet --require-hashes --requirement tools/locks/uv.txt
	@touch $@

lint: env  ## formatting, lint, types, import contracts, and the security of the workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet --pedantic .github
	@# The one for users does without names of jobs.
	$(BIN)/zizmor --offline --no-progress --quiet examples/ci/stack.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows examples/ci/stack.yml
	@# The two slow ones run at the same time.
	$(EACH) --jobs 2 mypy pyright

mypy:
	$(BIN)/mypy

pyright:
	$(BIN)/pyright --pythonpath $(BIN)/python

unit: env  ## the unit tests
	$(PYTEST) tests/unit

coverage: env  ## the unit and servicer tests, with the coverage of all their processes in .build/coverage
	@mkdir -p .build/coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q --numprocesses $(JOBS) --dist worksteal tests/unit tests/servicer
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

test: env  ## lint, every level, the main scenarios with the real engine, the docs, and a life on another Python
	$(EACH) lint main

main:
	$(PYTEST) -m main tests

test-rest: env  ## the other tests, the site, every other Python, and the lowest versions of the dependencies
	$(EACH) rest docs versions

rest:
	$(PYTEST) -m rest tests

versions:
	$(BIN)/nox --session unit lowest

test-all:  ## everything but the weekly tests
	$(EACH) test test-rest

acceptance: env  ## compare ngrok with the emulator: make acceptance DOMAIN=test.acme.com, with NGROK_API_KEY set
	@$(if $(DOMAIN),,echo "pass one of your domains, as in: make acceptance DOMAIN=test.acme.com" >&2; exit 2)
	$(BIN)/python -m pytest -q tests/servicer/emulator/test_acceptance.py --ngrok $(DOMAIN)

docs: env  ## the site of the docs, in .build/site; a broken link or anchor is an error
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html -d .build/site-doctrees docs .build/site
	@echo "the site is in .build/site/index.html"

bench: env  ## benchmarks beside resources that do nothing; T='--counts 1 --runs 3' for a quick run
	@$(BIN)/python -m benchmarks $(T)

lock: $(UV)  ## tools/locks, in line with pyproject.toml; T=--upgrade selects the newest versions
	$(COMPILE) --all-extras --group dev pyproject.toml --output-file tools/locks/dev.txt
	$(COMPILE) --group uv --constraints tools/locks/dev.txt --output-file tools/locks/uv.txt

# For each supported Python. No index is named, so that each user installs from their own.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.10 --no-python-downloads --generate-hashes \
	--no-header --no-emit-index-url $(T)

.PHONY: help demo demo-shell demo-destroy env lint mypy pyright unit coverage test main test-rest rest versions \
	test-all acceptance docs bench lock
