# Each target sets up what it needs, in a virtual environment of its own, and only once.
#
#   make demo         a whole run on this machine, without AWS; options go in ARGS="..."
#   make test         everything that must hold before a change is whole, with the time it took
#   make test-legs    the same promises against MiniStack, and on the oldest supported aiobotocore
#   make chaos-kill   clients killed at every point of their work, and run again; options go in ARGS="..."
#   make soak         a very long fan-out with the journal on, ITEMS=1000000; figures on the last line
#   make bench        what an inference costs, beside peers and the floor; ARGS=--quick for a first look
#   make bench-page   all of docs/benchmarks.md, measured anew
#   make lint | types | imports | pytest | format | constraints | clean

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
VENV ?= .venv
ARGS ?=
ITEMS ?= 1000000
STARTED := $(shell date +%s)

BIN := $(VENV)/bin
SOURCES := aio_sm_async tests $(wildcard benchmarks docs)
OLDEST := .venv-oldest
MINISTACK := .venv-ministack
BENCH := .venv-bench
# Only errors: pip's warnings speak of the machine, not of the project.
PIP := -m pip -qq --disable-pip-version-check
UPGRADE_PIP := install --upgrade pip

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo bench bench-page test test-legs leg-ministack leg-oldest chaos-kill soak lint types imports pytest format constraints clean

demo: $(VENV)/.demo
	@$(BIN)/python -m aio_sm_async demo $(ARGS)

test: $(VENV)/.test
	@$(MAKE) --no-print-directory lint types imports pytest; status=$$?; \
	echo "== $$(( $$(date +%s) - $(STARTED) )) s in all, set-up included"; exit $$status

bench: $(BENCH)/.bench
	@$(BENCH)/bin/python -m benchmarks.peers $(ARGS)

# Takes an hour or so, on a machine that does nothing else meanwhile.
bench-page: $(BENCH)/.bench
	@$(BENCH)/bin/python -m benchmarks.peers --page docs/benchmarks.md --profile ours-inline
	@$(BENCH)/bin/python -m benchmarks.cost --page docs/benchmarks.md
	@$(BENCH)/bin/python -m benchmarks.scale --page docs/benchmarks.md

test-legs: leg-oldest leg-ministack

lint: $(VENV)/.test
	@echo "== ruff"
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --quiet --check $(SOURCES) || { echo "not formatted: make format"; exit 1; }

types: $(VENV)/.test
	@echo "== mypy"
	@$(BIN)/mypy

imports: $(VENV)/.test
	@echo "== lint-imports"
	@$(BIN)/lint-imports

pytest: $(VENV)/.test
	@echo "== pytest"
	@$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS)

format: $(VENV)/.test
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

leg-oldest: $(OLDEST)/.test
	@echo "== pytest on aioboto3 15.5.0 and aiobotocore 2.25.1"
	@$(OLDEST)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

leg-ministack: $(VENV)/.test $(MINISTACK)/.ministack
	@echo "== the contract, spoken to MiniStack"
	@$(BIN)/python -m tests.contract.ministack $(MINISTACK)/bin/ministack $(ARGS)

chaos-kill: $(VENV)/.test
	@$(BIN)/python -m tests.kill $(ARGS)

soak: $(VENV)/.demo
	@$(BIN)/python -m benchmarks.soak --items $(ITEMS) $(ARGS)

# One environment serves demo and tests; a stamp tells what is in it already.
%/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3"; exit 1; }
	@echo "== $(PYTHON) makes $*"
	@$(PYTHON) -m venv $*
	@$*/bin/python $(PIP) $(UPGRADE_PIP)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== the package and its demo go into $(VENV)"
	@$(BIN)/python $(PIP) install -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== the package and its tests go into $(VENV)"
	@$(BIN)/python $(PIP) install -c constraints.txt -e '.[demo]' --group test
	@touch $@ $(VENV)/.demo

$(OLDEST)/.test: pyproject.toml constraints-oldest.txt | $(OLDEST)/bin/python
	@echo "== the package, its tests and the oldest supported pair go into $(OLDEST)"
	@$(OLDEST)/bin/python $(PIP) install -c constraints-oldest.txt -e '.[demo,aioboto3]' --group test
	@touch $@

$(MINISTACK)/.ministack: constraints-ministack.txt | $(MINISTACK)/bin/python
	@echo "== MiniStack goes into $(MINISTACK)"
	@$(MINISTACK)/bin/python $(PIP) install -c constraints-ministack.txt ministack
	@touch $@

$(BENCH)/.bench: pyproject.toml constraints-bench.txt | $(BENCH)/bin/python
	@echo "== the package and its peers go into $(BENCH)"
	@$(BENCH)/bin/python $(PIP) install -c constraints-bench.txt -e . --group bench
	@touch $@

# Resolves anew, without the pins, and writes them again under the same headings.
constraints:
	@./.ci/pin constraints.txt "$(PYTHON)" -e '.[demo]' --group test
	@./.ci/pin constraints-oldest.txt "$(PYTHON)" -e '.[demo,aioboto3]' --group test aioboto3==15.5.0
	@./.ci/pin constraints-ministack.txt "$(PYTHON)" ministack
	@./.ci/pin constraints-bench.txt "$(PYTHON)" -e . --group bench

clean:
	@rm -rf .venv .venv-oldest .venv-ministack .venv-bench dist build .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
