PYTHON ?= python3
BIN := .build/venv/bin
UV := .build/uv/bin/uv
CONSTRAINTS := --constraints tools/locks/dev.txt --build-constraints tools/locks/dev.txt
# More tests at once than cores: they mostly wait for Pulumi's processes.
JOBS ?= 4
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist loadgroup

# Without bytecode, each process would compile all imports again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' Makefile | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

demo: $(UV)  ## a real `pulumi up` on the emulator; YAML=1 in YAML; FULL=1 with DNS and certificate
	@$(DEMO) up $(EXAMPLE)

demo-shell: $(UV)  ## a shell in which pulumi and pulumi-agin work on the demo's stack; YAML=1 or FULL=1 as well
	@$(DEMO) shell $(EXAMPLE)

demo-destroy: $(UV)  ## destroy the resources and folders of the demos
	@$(DEMO) destroy

DEMO = user=$$($(PYTHON) -m tools.environment) && $$user/bin/python -m tools.demo
EXAMPLE = $(if $(FULL),--example bind,$(if $(YAML),--example yaml))

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
	@# The two slow ones run at the same time.
	$(BIN)/mypy & mypy=$$!; $(BIN)/pyright --pythonpath $(BIN)/python; pyright=$$?; wait $$mypy && exit $$pyright

unit: env  ## the unit tests
	$(PYTEST) tests/unit

test: lint main  ## lint, every level, the main scenarios with the real engine, the docs, and a life on another Python

test-rest: rest docs versions  ## the other tests, the site, every other Python, and the lowest versions

test-all: test test-rest  ## everything but the weekly tests; -k continues after a failure

main rest: env
	$(PYTEST) -m $@ tests

versions: env
	$(BIN)/nox --session unit lowest

acceptance: env  ## compare ngrok with the emulator: make acceptance DOMAIN=test.acme.com, with NGROK_API_KEY set
	@$(if $(DOMAIN),,echo "pass one of your domains, as in: make acceptance DOMAIN=test.acme.com" >&2; exit 2)
	$(BIN)/python -m pytest -q tests/servicer/emulator/test_acceptance.py --ngrok $(DOMAIN)

docs: env  ## the site of the docs, .build/site/index.html; a broken link or anchor is an error
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html -d .build/site-doctrees docs .build/site

bench: env  ## benchmarks beside resources that do nothing; T='--counts 1 --runs 3' for a quick run
	@$(BIN)/python -m benchmarks $(T)

lock: $(UV)  ## tools/locks, in line with pyproject.toml; T=--upgrade selects the newest versions
	$(COMPILE) --all-extras --group dev pyproject.toml --output-file tools/locks/dev.txt
	$(COMPILE) --group uv --constraints tools/locks/dev.txt --output-file tools/locks/uv.txt

# For each supported Python. No index is named, so that each user installs from their own.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.10 --no-python-downloads --generate-hashes \
	--no-header --no-emit-index-url $(T)

.PHONY: help demo demo-shell demo-destroy env lint unit test test-rest test-all main rest versions acceptance docs \
	bench lock
