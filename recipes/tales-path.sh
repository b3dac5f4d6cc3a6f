#!/usr/bin/env bash
# Makes tales-path: a map of the shipped tales-flm whose blocks guess the text on their way. This is not in the paper.
# Time on two cores: 65 minutes. The targets of 4,000 batches take 8 GB of memory.
# Must reach: 85% valid stories in one step and 96% in four.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Two processes on the CPU, as the shipped map had. The draws depend on the process, so another number of them gives
# another map.
flm-edu-by-two() {
  export CUDA_VISIBLE_DEVICES=
  anew_or_on python -m torch.distributed.run --standalone --nproc-per-node=2 -m flm_edu.cli "$@"
}

# The map has two courses: jumps of all lengths, then mostly the jump from noise to text.
flm-edu-by-two distill --method path --teacher tales-flm --jumps 12 --boundary-every 2 --diagonal-fraction 0.25 \
  --ema 0.99 --steps 2600 --decay 0.3 --cycle 1000 --out runs/recipes/tales-path-2600 --overwrite
flm-edu-by-two distill --method path --teacher tales-flm --init runs/recipes/tales-path-2600 --jumps 12 \
  --boundary-every 1 --diagonal-fraction 0.125 --ema 0.995 --warmup 50 --steps 13000 --decay 0.8 --cycle 4000 \
  --out runs/recipes/tales-path --overwrite

python recipes/ship.py runs/recipes/tales-path tales-path
