#!/usr/bin/env bash
# Makes sentences-flm and sentences-fmlm. They are the models of the demo.
# Time on two cores: 6 minutes.
# Must reach: 99% valid sentences in 64 steps of the flow; 95% in one step of its map and 99% in eight; a total
# variation at most 0.05 above that of exact samples (tests/test_shipped.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

flm-edu demo --language sentences --out runs/recipes/sentences --overwrite

python recipes/ship.py runs/recipes/sentences/flm sentences-flm
python recipes/ship.py runs/recipes/sentences/fmlm sentences-fmlm
