# Set-up is part of every target: it happens once and again only when the lock or pyproject.toml changes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that runs here; what is on the path may be a shim of a version that is not installed.
PYTHONS := python3.11 python3.12 python3.13 python3
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(firstword $(shell for p in $(PYTHONS); do $$p -c "$(FITS)" 2>/dev/null && echo $$p; done) python3.11)
BIN := .venv/bin
STAMP := .venv/.installed
# Test processes. Tests that start Ray run one by one: they start processes of their own.
WORKERS ?= 2
RAY_TESTS := ray or serve
# 2 runs the tests that start Ray beside the others: shorter, where more than two cores bear both.
TEST_JOBS ?= 1
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
PYTEST_ARGS ?=

export OMP_NUM_THREADS ?= 1
export RAY_USAGE_STATS_ENABLED := 0
export MLFLOW_DISABLE_TELEMETRY := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Workers of Ray are nice by 15 unless told otherwise: beside other tests they would get no processor.
export RAY_worker_niceness ?= 0
# Tests start some hundred processes of Python: what one has compiled the others need not.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo serve bench test test-ray test-others check fmt coverage lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(STAMP)  ## .venv with the versions of requirements.lock

# torch first: its CPU build satisfies everything that follows, and nothing pulls CUDA.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: $(STAMP)  ## simulate a portfolio, fit it and show what was found
	$(BIN)/python -m jobs.demo

serve: $(STAMP)  ## the HTTP service and planner page over the demo's models, on 127.0.0.1:8000
	test -d demo/refit || $(BIN)/python -m jobs.demo
	$(BIN)/python -m serve demo/refit

bench: $(STAMP)  ## measure everything the README claims, half an hour
	$(BIN)/python -m jobs.benchmark --out out/benchmark

check: $(STAMP)  ## format, lint, types, layers, dependencies and their licences, spelling: seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/python -m tests.architecture.audit --sbom out/sbom.cdx.json

test: check  ## all checks and all tests
	bash .ci/chromium.sh
	$(MAKE) --no-print-directory --jobs=$(TEST_JOBS) test-others test-ray

# What it says comes in one piece, when it is done. Status 5: no test selected.
test-ray: $(STAMP)
	@mkdir -p out
	@status=0; $(BIN)/python -m pytest -m "$(RAY_TESTS)" $(PYTEST_ARGS) >out/test-ray.log 2>&1 || status=$$?; \
	cat out/test-ray.log; [ $$status -eq 0 ] || [ $$status -eq 5 ]

test-others: $(STAMP)
	$(BIN)/python -m pytest -m "not ($(RAY_TESTS))" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)
	$(if $(NOTEBOOKS),$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 --timeout=900 $(NOTEBOOKS))

fmt: $(STAMP)  ## format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(STAMP)  ## tests with coverage, one process
	$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_ARGS)

lock: $(STAMP)  ## write requirements.lock from what is installed in .venv
	$(BIN)/python -m pip check
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip --exclude ray-mmm | sed -E 's/\+cpu$$//' > requirements.lock

clean:  ## remove what can be made again, .venv apart
	rm -rf build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage*
