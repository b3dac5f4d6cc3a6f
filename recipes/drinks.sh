#!/usr/bin/env bash
# Makes drinks-flm and drinks-fmlm, the models that the triangle of the widgets shows.
# Time on two cores: 7 minutes.
# Must reach: from the same noise, 16 steps of the flow and one jump of its map end at the word of the exact flow in 97
# of 100 samples (tests/test_shipped.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu train --language drinks --width 32 --blocks 2 --heads 2 --time-width 32 --steps 1500 \
  --out runs/recipes/drinks-flm --overwrite
flm-edu distill --teacher runs/recipes/drinks-flm --steps 1000 --ema 0.99 --diagonal-fraction 0.25 \
  --out runs/recipes/drinks-fmlm --overwrite

python recipes/ship.py runs/recipes/drinks-flm drinks-flm
python recipes/ship.py runs/recipes/drinks-fmlm drinks-fmlm
