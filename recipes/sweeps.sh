#!/usr/bin/env bash
# Makes the tables in data/sweeps: quality against steps and seconds of the shipped models, the ablations, and the
# faults that training survives. Give the PARTs that you want (sentences, tales, sotu, large, speed, ablations, faults),
# or none for all of them.
# Time on two cores: two hours and more. It needs what make test installs; speed needs an idle machine.
# Must reach: what tests/test_headline.py asks of the tables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

known=(sentences tales sotu large speed ablations faults)
if (($# == 0)); then set -- "${known[@]}"; fi
check_words "${known[*]}" "$@"

sentences() {
  flm-edu evaluate sentences-{fmlm,flm,ar,masked,masked@confidence,sdtt} \
    sentences-{uniform,uniform@greedy-tail,dcd,dcd@greedy-tail} perfect:masked perfect:uniform --n 1000 \
    --out data/sweeps/sentences-families.csv
  flm-edu evaluate sentences-{masked,sdtt}@even perfect:masked@even --n 1000 --out data/sweeps/sentences-even.csv
  flm-edu evaluate sentences-{flm,fmlm,masked,uniform,ar} --steps 1 --n 10000 --out data/sweeps/sentences-likelihood.csv
}

tales() {
  flm-edu evaluate perfect:masked perfect:uniform perfect:flow perfect:flow@uniform --language tales \
    --steps 1,2,4,8,16,32,64,128 --n 1000 --out data/sweeps/tales-perfect.csv
  flm-edu evaluate perfect:flow-map --language tales --steps 1,2,4,8,16,32,64,128 --n 1000 \
    --out data/sweeps/tales-perfect-map.csv
  flm-edu evaluate tales-{flm,fmlm,path} --steps 1,2,4,8,16,32,64 --n 1000 --out data/sweeps/tales-trained.csv
  flm-edu evaluate tales-{ar,masked,masked@confidence,uniform,uniform@greedy-tail} --n 1000 \
    --out data/sweeps/tales-discrete.csv
  flm-edu evaluate tales-{sdtt,dcd,dcd@greedy-tail} --n 1000 --out data/sweeps/tales-distilled.csv
  flm-edu evaluate tales-{masked,sdtt}@even perfect:masked@even --n 1000 --out data/sweeps/tales-even.csv
  python benchmarks/infilling.py --out data/sweeps/tales-infilling.csv
  python benchmarks/guidance.py --out data/sweeps/tales-guided.csv
}

# The perfect models of the languages that are too large to list, and what a flow learns from few texts of one.
large() {
  local language
  for language in found errands; do
    flm-edu evaluate perfect:flow perfect:masked{,@even,@confidence} perfect:uniform --language $language \
      --steps 1,2,4,8,16,32,64,128 --n 500 --out data/sweeps/$language-perfect.csv
  done
  flm-edu evaluate errands-{flm,fmlm} --steps 1,2,4,8,16,32,64 --n 500 --out data/sweeps/errands-trained.csv
  flm-edu evaluate errands-{ar,masked,masked@even,uniform} --steps 1,2,4,8,16,32,64 --n 500 \
    --out data/sweeps/errands-discrete.csv
  local learn=(python benchmarks/memorization.py --out data/sweeps/memorization.csv)
  "${learn[@]}" --texts 3000 0
  "${learn[@]}" --texts 30 100 300 --seeds 0 1 2
  "${learn[@]}" --models masked uniform ar --texts 30 300
}

# Its baselines are not in the repository: first run bash recipes/baselines.sh sotu, which puts them in their place.
sotu() {
  flm-edu evaluate sotu-{fmlm,flm,ar,masked,masked@confidence,sdtt} \
    sotu-{uniform,uniform@greedy-tail,dcd,dcd@greedy-tail} --n 250 --judge smollm2-135m \
    --out data/sweeps/sotu-families.csv
  flm-edu evaluate sotu-flm@bridge sotu-fmlm@renoise sotu-fmlm sotu-{ar,masked,uniform,sdtt,dcd} --steps 8 --n 100 \
    --temperature 0.5,0.7,1,1.3,1.6 --judge smollm2-135m --out data/sweeps/apart/sotu-frontier.csv
}

# The time of a text at the steps that each family needs.
speed() {
  local data
  for data in sentences tales sotu; do
    python benchmarks/speed.py $data-fmlm:1 $data-{masked,sdtt,uniform,dcd}:8 $data-flm:64 $data-ar \
      --out data/sweeps/$data-speed.csv
  done
}

ablations() {
  python benchmarks/ablations.py losses objectives --out data/sweeps/ablations.csv
  python benchmarks/ablations.py schedules --out data/sweeps/ablations-clock.csv
  python benchmarks/ablations.py large-vocabulary --steps 3000 --out data/sweeps/ablations-clock-long.csv
  python benchmarks/ablations.py soft-reading --out data/sweeps/ablations-clock-soft.csv
  python benchmarks/ablations.py curriculum --out data/sweeps/ablations-curriculum.csv
  python benchmarks/ablations.py one-jump --steps 4800 --out data/sweeps/ablations-one-jump.csv
  python benchmarks/ablations.py path --steps 600 --out data/sweeps/ablations-path.csv
  python benchmarks/ablations.py targets --steps 160 --out data/sweeps/ablations-targets.csv
  python benchmarks/ablations.py rehearsal --steps 1200 --out data/sweeps/ablations-rehearsal.csv
}

faults() {
  python benchmarks/faults.py --out data/sweeps/faults.csv
}

for part in "$@"; do
  "$part"
done
