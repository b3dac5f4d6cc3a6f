#!/usr/bin/env bash
# Makes errands-flm and errands-fmlm: a flow of a language of 1.4 billion stories, and its map by the paper's objective.
# Time on two cores: 40 minutes for the flow; for the map some four hours, or four minutes on an H200 and an hour here.
# Must reach: 90% valid stories in 64 steps of the flow; 38% in one step of its map and 65% in two.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu train --language errands --blocks 5 --width 128 --time-width 64 --steps 4000 \
  --out runs/recipes/errands-flm --overwrite

# The map has four courses: jumps of all lengths, then every second one from noise to text, then all of them, and last
# all of them again, on a thousand batches whose targets are kept (some 1.3 GB of memory).
flm-edu distill --teacher runs/recipes/errands-flm --batch 256 --steps 1300 --ema 0.99 --diagonal-fraction 0.25 \
  --target ema --decay 0.0 --out runs/recipes/errands-fmlm-1300 --overwrite
flm-edu distill --teacher runs/recipes/errands-flm --init runs/recipes/errands-fmlm-1300 --target ema \
  --boundary-every 2 --diagonal-fraction 0.125 --ema 0.99 --batch 256 --steps 1500 --decay 1.0 \
  --out runs/recipes/errands-fmlm-2800 --overwrite
flm-edu distill --teacher runs/recipes/errands-flm --init runs/recipes/errands-fmlm-2800 --target init --jumps 4 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 2600 \
  --decay 1.0 --save-every 100 --out runs/recipes/errands-fmlm-5400 --overwrite
flm-edu distill --teacher runs/recipes/errands-flm --init runs/recipes/errands-fmlm-5400 --target init --jumps 4 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --lr 0.0015 --muon-lr 0.015 --warmup 50 --steps 6500 \
  --cycle 1000 --decay 1.0 --save-every 100 --out runs/recipes/errands-fmlm --overwrite

python recipes/ship.py runs/recipes/errands-flm errands-flm
python recipes/ship.py runs/recipes/errands-fmlm errands-fmlm
