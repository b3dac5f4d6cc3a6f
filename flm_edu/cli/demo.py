"""The main job in one go: train, distil, measure against the truth, show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from flm_edu.corpus.text_corpus import TextCorpus
from flm_edu.evaluation.sweep import sweep
from flm_edu.evaluation.tables import Point, save_sweep
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language import ExactLanguage, Language
from flm_edu.objectives.flow import flow_matching
from flm_edu.objectives.flow_map import SemigroupDistillation
from flm_edu.oracle.discrete import PerfectMasked
from flm_edu.oracle.flow import PerfectFlow, PerfectFlowMap
from flm_edu.plots.report import write_report
from flm_edu.plots.table import format_table
from flm_edu.provenance import describe_run
from flm_edu.training.config import TrainConfig
from flm_edu.training.presets import load_preset
from flm_edu.training.records import METRICS_FILE, read_metrics
from flm_edu.training.trainer import Trainer

STEPS = (1, 2, 4, 8, 16, 64)
SAMPLERS = {"perfect masked, even": "even"}  # of the others, the first that they have
FOLDERS = ("flm", "jumps", "fmlm")  # of the three trainings


def run_demo(
    out: Path,
    data: ExactLanguage | TextCorpus,
    *,
    quick: bool = False,
    resume: bool = False,
    seed: int = 0,
    say: Callable[[str], None] = print,
    before_first_save: Callable[[], None] | None = None,
) -> list[Point]:
    """Train an FLM, distil its flow map, sweep both, write models, table and report.html under `out`.

    Args:
        out: folder; what an earlier demo left there is replaced.
        data: what to learn.
        quick: a few steps only.
        resume: go on from where an interrupted demo in `out` was.
        seed: of all random draws.
        say: told what happens.
        before_first_save: removes what the demo replaces.

    Raises:
        TrainingStopped: interrupted, or the loss was not finite.
    """
    started = time.perf_counter()
    preset = load_preset("tiny")
    finite = isinstance(data, ExactLanguage)

    def settings(config: TrainConfig) -> TrainConfig:
        config = replace(config, seed=seed)
        if not finite:  # a larger vocabulary: fewer, costlier steps
            config = replace(config, batch=64)
        return replace(config, steps=20, warmup=5, log_every=5) if quick else config

    say(f"{data.name}: {data.length} tokens a text, {data.vocab_size} in the vocabulary. Everything goes to {out}")

    say("1/4 training a flow language model (FLM)")
    torch.manual_seed(seed)
    flow = FlowLM(preset.network(data.vocab_size, data.length), data.tokenizer)
    trainer = Trainer(flow, data, flow_matching, settings(preset.train), directory=out / "flm")
    trainer.before_first_save = before_first_save
    _run(trainer, resume)

    flow_map = FlowMapLM.from_flow_lm(flow)
    assert preset.rehearse is not None
    half = preset.distill.steps // 2  # the learning rate stays up in the first half and falls all through the second
    for heading, folder, decay, recipe in (
        ("2/4 distilling it into its flow map (FMLM), jumps of all lengths", "jumps", 0.0, preset.semigroup),
        ("3/4 rehearsing the jump from noise to text", "fmlm", 1.0, preset.rehearse),
    ):
        config = settings(replace(preset.distill, steps=half, decay=decay))
        say(heading)
        facts = {"teacher": flow.provenance, "init": flow_map.provenance or None, "objective": vars(recipe)}
        objective = SemigroupDistillation(flow, recipe)
        _run(Trainer(flow_map, data, objective, config, directory=out / folder, facts=facts), resume)

    say("4/4 measuring both against the " + ("exact language" if finite else "held-out text"))
    samples = (200 if quick else 500) if finite else (50 if quick else 250)
    contestants: dict[str, Any] = {"FLM": flow, "FMLM": flow_map}
    floor = None
    if isinstance(data, ExactLanguage):
        perfect = PerfectFlow(data)
        masked = PerfectMasked(data)
        contestants |= {"perfect flow": perfect, "perfect masked diffusion": masked, "perfect masked, even": masked}
        floor = float(perfect.cross_entropy_floor(generator=torch.Generator().manual_seed(seed))[0])
    with tqdm(total=len(contestants) * len(STEPS) + 1, desc="measuring") as bar:
        points = sweep(
            contestants, data, STEPS, samplers=SAMPLERS, samples=samples, seed=seed + 1, on_point=lambda _: bar.update()
        )
    if isinstance(data, Language):  # lands in the same place in any number of steps; takes minutes where texts are many
        points += sweep({"perfect flow map": PerfectFlowMap(data)}, data, STEPS[:3], samples=samples, seed=seed + 1)[1:]
    seconds = time.perf_counter() - started
    provenance = describe_run(seed=seed, corpus=data.name, corpus_fingerprint=data.fingerprint, seconds=round(seconds))
    save_sweep(points, out / "sweep.csv", provenance)
    written = {
        "Written in one step (FMLM)": _marked(flow_map, data, 1, seed),
        "The same model in 8 steps": _marked(flow_map, data, 8, seed),
        "What the flow writes in one step (FLM)": _marked(flow, data, 1, seed),
    }
    first, then = (read_metrics(out / folder / METRICS_FILE) for folder in ("jumps", "fmlm"))
    rehearsed = [{**record, "step": record["step"] + first[-1]["step"]} for record in then]
    runs = {
        "FLM (cross-entropy)": ("flow-lm", read_metrics(out / "flm" / METRICS_FILE)),
        "FMLM (divergence)": ("flow-map-lm", first + rehearsed),
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


def _run(trainer: Trainer, resume: bool) -> None:
    if resume and trainer.has_saved_state:
        trainer.resume()
    trainer.run()


def _marked(
    model: FlowLM | FlowMapLM, data: ExactLanguage | TextCorpus, steps: int, seed: int
) -> list[tuple[str, bool]]:
    """Return a few samples, each with whether it lies outside the language."""
    tokens = model.sample(6, steps, generator=torch.Generator().manual_seed(seed + 2))
    wrong = (~data.contains(tokens)).tolist() if isinstance(data, ExactLanguage) else [False] * len(tokens)
    return list(zip(data.decode(tokens), wrong, strict=True))
