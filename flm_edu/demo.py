"""The main job in one go: train, distil, measure against the truth, show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from flm_edu.language import Language
from flm_edu.models import FlowLM, FlowMapLM
from flm_edu.objectives import SemigroupDistillation, flow_matching
from flm_edu.oracle import PerfectFlow, PerfectMasked
from flm_edu.presets import load_preset
from flm_edu.provenance import describe_run
from flm_edu.report import write_report
from flm_edu.text import TextCorpus
from flm_edu.tradeoff import Point, format_table, save_sweep, sweep
from flm_edu.training import METRICS, Trainer, read_metrics

STEPS = (1, 2, 4, 8, 16, 32, 64)


def run_demo(
    out: Path,
    data: Language | TextCorpus,
    *,
    quick: bool = False,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> list[Point]:
    """Train an FLM, distil its flow map, sweep both, write models, table and report.html under `out`.

    Runs made earlier with the same settings are not reused: the demo shows training.

    Raises:
        TrainingStopped: interrupted, or the loss was not finite.
    """
    started = time.perf_counter()
    preset = load_preset("tiny")
    finite = isinstance(data, Language)
    train, distill = (replace(config, seed=seed) for config in (preset.train, preset.distill))
    if not finite:  # a larger vocabulary: fewer, costlier steps
        train, distill = replace(train, batch=64), replace(distill, batch=64)
    if quick:
        train, distill = (replace(config, steps=20, warmup=5, log_every=5) for config in (train, distill))
    say(f"{data.name}: {data.length} tokens a text, {data.vocab_size} in the vocabulary. Everything goes to {out}")

    say("1/3 training a flow language model (FLM)")
    torch.manual_seed(seed)
    flow = FlowLM(preset.network(data.vocab_size, data.length), data.tokenizer)
    source = {"kind": "language"} if finite else {"kind": "text", "packing": "sentence", "limit": None}
    options = {"corpus_options": {"source": data.name, **source}}
    Trainer(flow, data, flow_matching, train, directory=out / "flm", facts=options).run()

    say("2/3 distilling it into its flow map (FMLM)")
    flow_map = FlowMapLM.from_flow_lm(flow)
    objective = SemigroupDistillation(flow, preset.semigroup)
    facts = {**options, "teacher": flow.provenance, "objective": vars(objective.options)}
    Trainer(flow_map, data, objective, distill, directory=out / "fmlm", facts=facts).run()

    say("3/3 measuring both against the " + ("exact language" if finite else "held-out text"))
    samples = (200 if quick else 500) if finite else (50 if quick else 250)
    contestants: dict[str, Any] = {"FLM": flow, "FMLM": flow_map}
    floor = None
    if isinstance(data, Language):
        perfect = PerfectFlow(data)
        contestants |= {"perfect flow": perfect, "perfect masked diffusion": PerfectMasked(data)}
        floor = float(perfect.cross_entropy_floor(generator=torch.Generator().manual_seed(seed))[0])
    with tqdm(total=len(contestants) * len(STEPS) + 1, desc="measuring") as bar:
        points = sweep(contestants, data, STEPS, samples=samples, seed=seed + 1, on_point=lambda point: bar.update())
    seconds = time.perf_counter() - started
    provenance = describe_run(seed=seed, corpus=data.name, corpus_fingerprint=data.fingerprint, seconds=round(seconds))
    save_sweep(points, out / "sweep.csv", provenance)
    written = {
        "Written in one step (FMLM)": _marked(flow_map, data, 1, seed),
        "The same model in 8 steps": _marked(flow_map, data, 8, seed),
        "What the flow writes in one step (FLM)": _marked(flow, data, 1, seed),
    }
    runs = {
        name: (kind, read_metrics(out / folder / METRICS))
        for name, kind, folder in (
            ("FLM (cross-entropy)", "flow-lm", "flm"),
            ("FMLM (divergence)", "flow-map-lm", "fmlm"),
        )
    }
    lead = (
        f"A flow language model trained on “{data.name}” and distilled into its flow map, which writes a whole text "
        f"in one network evaluation. {seconds:.0f} s in all; {samples} samples for each figure."
        + (" The perfect models know the language exactly: what they cannot do, no training can." if finite else "")
    )
    write_report(
        out / "report.html", "From Gaussian noise to one-step text", lead, points, runs, written, provenance, floor
    )

    for heading, lines in written.items():
        print(f"\n{heading}")
        for text, wrong in lines:
            print(f"  {'x' if wrong else ' '} {text}")
    if finite:
        print("  (x: not a text of the language)")
    print(f"\n{format_table(points)}\n")
    say(f"{seconds:.0f} s in all. Open {out / 'report.html'}")
    return points


def _marked(model: FlowLM | FlowMapLM, data: Language | TextCorpus, steps: int, seed: int) -> list[tuple[str, bool]]:
    """A few samples, each with whether it lies outside the language."""
    tokens = model.sample(6, steps, generator=torch.Generator().manual_seed(seed + 2))
    wrong = (data.index(tokens) < 0).tolist() if isinstance(data, Language) else [False] * len(tokens)
    return list(zip(data.decode(tokens), wrong, strict=True))
