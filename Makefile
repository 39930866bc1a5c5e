# Everything a newcomer needs: `make demo` and `make test`. Both set up .venv first, from the hashed lock.
# Needs python3 (3.11 or newer) and make; uses uv when it is on PATH, which is only faster.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.set-up
LOCK    := requirements.lock
PIP     := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
UV      := $(shell command -v uv 2>/dev/null)
WEB     := verifier/custody/verifier/web
FOOTAGE ?=
NAME    ?=
JOBS    ?= 2
ARGS    ?=

.DEFAULT_GOAL := help
.PHONY: help set-up demo test lint types layers unit coverage bench proto web lock format wheel clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# ---- set-up: runs again only when the lock, pyproject.toml or the compiled part changed ----

set-up: $(STAMP)  ## make .venv from the hashed lock

$(STAMP): $(LOCK) pyproject.toml $(wildcard clients/native/*)
	@$(PYTHON) -c 'import sys; sys.exit("Custody needs Python 3.11 or newer; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(VENV) ..."
ifneq ($(UV),)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r $(LOCK)
	@$(PIP) install --no-deps --no-build-isolation --editable .
endif
	@touch $@

# ---- the two commands of the README ----

demo: $(STAMP)  ## record, sign, prove, verify, tamper, catch; FOOTAGE=folder for your own segments
	$(BIN)/custody demo $(if $(FOOTAGE),--footage "$(FOOTAGE)") $(ARGS)

test: lint types layers unit  ## every check and test

lint: $(STAMP)  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP)  ## import-linter: who may import whom
	$(BIN)/lint-imports --no-logo

unit: $(STAMP)  ## pytest; ARGS="-k word" to choose
	$(BIN)/pytest -n $(JOBS) $(ARGS)

coverage: $(STAMP)  ## pytest with branch coverage, processes included
	$(BIN)/coverage erase
	$(BIN)/coverage run --parallel-mode -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# ---- for people who change the code ----

bench: $(STAMP)  ## short benchmarks into bench/out; NAME=one to choose
	$(BIN)/python bench/run.py $(NAME)

proto: $(STAMP)  ## regenerate the protobuf modules
	$(BIN)/python proto/generate

web:  ## build verify.html from its sources (needs node and npm); commit both
	cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent types && npm run --silent build

format: $(STAMP)  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(STAMP)  ## build dist/*.whl
	$(BIN)/python -m hatchling build -t wheel

# uv resolves for every platform and Python at once; pip cannot. The lock names no registry.
lock:  ## write requirements.lock anew (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv on PATH" >&2; exit 2; }
	$(UV) pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	    --extra client --extra ledger --extra recorder --extra demo --group dev \
	    --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file $(LOCK)

clean:  ## remove everything that the commands above made
	rm -rf $(VENV) clients/custody/recorder/onepass/onepass.so build dist bench/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
