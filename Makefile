# `make demo` and `make test` set up what they need; `make help` lists all targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# One thread per library: the warm processes fork after they have computed.
export OMP_NUM_THREADS := 1
export PYTHONDONTWRITEBYTECODE := 1

# Test files at one time; tests of one file share what is costly to start.
WORKERS ?= auto

.PHONY: help demo test test-slow gpu-check bench verify lint types goldens clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## generate, grade a class of 40, print the table, write the report
	@tools/ensure_bubblewrap.sh
	@$(BIN)/grader demo

test: $(VENV)/.dev ## everything that CI runs: lint, types, layers, tests, proof of the suites
	@tools/ensure_bubblewrap.sh
	$(MAKE) --no-print-directory lint types
	$(BIN)/grader generate --check
	$(BIN)/grader verify
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow and not gpu"

test-slow: $(VENV)/.dev ## tests of more than ten seconds each
	@tools/ensure_bubblewrap.sh
	$(BIN)/python -m pytest -q -m "slow and not gpu"

# A machine whose Python has a CUDA build of torch already needs no environment of its own: make gpu-check GPU_PYTHON=python3
GPU_PYTHON ?= $(BIN)/python
gpu-check: $(if $(filter $(BIN)/python,$(GPU_PYTHON)),$(VENV)/.dev) ## tests that need a CUDA device
	@tools/ensure_bubblewrap.sh
	$(GPU_PYTHON) -m pytest -q -rs -m gpu

verify: $(VENV)/.run ## prove the hidden suites of all assignments
	@tools/ensure_bubblewrap.sh
	$(BIN)/grader verify

bench: $(VENV)/.dev ## speed of grading, cost of timed runs, a class in nbgrader: ratios within one run
	@tools/ensure_bubblewrap.sh
	$(BIN)/python benchmarks/run.py

lint: $(VENV)/.dev ## ruff and the layers
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-cache

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

goldens: $(VENV)/.dev ## write the golden files anew; review the difference before you commit it
	$(BIN)/python tests/goldens/generation/regenerate.py
	$(BIN)/python -m tests.goldens.reports.regenerate

clean: ## remove the virtual environment, caches and the demo
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what grading needs (some minutes the first time)"
	$(PIP) -e '.[torch]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the tests need (some minutes the first time)"
	$(PIP) -e '.[torch,tensorflow,dev]'
	@touch $@ $(VENV)/.run
