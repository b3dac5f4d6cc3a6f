#!/usr/bin/env bash
# Makes tales-flm and tales-fmlm: a flow, and its flow map by the paper's semigroup objective.
# Time on two cores: half an hour for the flow, two to four hours for the map.
# Must reach: 95% valid stories in 64 steps of the flow; 70% in one step of its map and 95% in four
# (tests/test_shipped.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu train --language tales --blocks 5 --width 128 --time-width 64 --steps 5000 \
  --out runs/recipes/tales-flm --overwrite

# The map has five courses. Each after the first starts from the map that the one before it made, and the jumps of that
# map stay the target (`--target init`); a target that followed the student made long distillation unstable. The last
# three rehearse the jump from noise to text.
flm-edu distill --teacher runs/recipes/tales-flm --steps 4000 --ema 0.99 --diagonal-fraction 0.25 \
  --out runs/recipes/tales-fmlm-4000 --overwrite
flm-edu distill --teacher runs/recipes/tales-flm --init runs/recipes/tales-fmlm-4000 --target init --jumps 4 \
  --boundary-every 2 --diagonal-fraction 0.125 --ema 0.998 --lr 0.001 --muon-lr 0.01 --steps 6000 --decay 0.8 \
  --save-every 300 --out runs/recipes/tales-fmlm-10000 --overwrite
flm-edu distill --teacher runs/recipes/tales-flm --init runs/recipes/tales-fmlm-10000 --target init --jumps 4 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 2500 \
  --decay 1.0 --save-every 250 --out runs/recipes/tales-fmlm-12500 --overwrite
flm-edu distill --teacher runs/recipes/tales-flm --init runs/recipes/tales-fmlm-12500 --target init --jumps 4 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.99 --lr 0.0008 --muon-lr 0.008 --warmup 30 --steps 600 \
  --decay 1.0 --save-every 100 --out runs/recipes/tales-fmlm-13100 --overwrite
flm-edu distill --teacher runs/recipes/tales-flm --init runs/recipes/tales-fmlm-13100 --target init --jumps 4 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 2500 \
  --decay 1.0 --save-every 250 --out runs/recipes/tales-fmlm --overwrite

python recipes/ship.py runs/recipes/tales-flm tales-flm
python recipes/ship.py runs/recipes/tales-fmlm tales-fmlm
