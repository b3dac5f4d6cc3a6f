"""The choices behind the method, one changed at a time: what the network predicts, the clock, the flow map's equation;
one behind what it is compared with, how uniform diffusion learns; whose jumps make a student's target, and what it
gains from rehearsing the longest; what the one jump costs to learn, and what it gains from a network that guesses on
its way.

    python benchmarks/ablations.py losses schedules objectives curriculum --out data/sweeps/ablations.csv

The paper asks the first questions of LM1B (data/reference/ablations.csv); here every answer is the share of valid
texts of a finite language. All runs of a question share network, batch, steps and seed; but `one-jump` asks what more
steps are worth, so there they grow, and `path` what parts of a network are worth, at one size. The paper's own figures
need not repeat: a small language may not care for what a large one needs.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flm_edu.baselines.uniform import UniformDiffusion, UniformLM
from flm_edu.draws import gaussian_noise, stratified
from flm_edu.extensions import PathDistillation, PathMapLM, SoftFlowLM
from flm_edu.extensions.path import GuessingConfig
from flm_edu.files import write_aside
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.grammar import load_language
from flm_edu.interpolant import expand_time, interpolate, one_hot
from flm_edu.language import Language
from flm_edu.language_model import load_model
from flm_edu.methods import size_like
from flm_edu.network import NetworkConfig
from flm_edu.objectives import (
    EulerianDistillation,
    FlowMapObjective,
    FlowMapOptions,
    LagrangianDistillation,
    Loss,
    SemigroupDistillation,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
    StepContext,
    flow_matching,
)
from flm_edu.oracle import PerfectFlow, PerfectFlowMap
from flm_edu.provenance import describe_run
from flm_edu.sampling import integrate
from flm_edu.training import Trainer
from flm_edu.training.presets import PRESETS

PRESET, SAMPLES = PRESETS["tiny"], 1000
Clock = Literal["decoding-error", "uniform"]
CLOCKS: tuple[Clock, ...] = ("decoding-error", "uniform")


# --- what the network predicts, and its loss ----------------------------------------------------


class LinearDenoiser(FlowLM):
    """Its output is the denoiser itself, with no softmax to keep it on the simplex."""

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """The raw output."""
        return self.logits(x, self.schedule.tau(t))


class VelocityModel(FlowLM):
    """Its output is the velocity, and D_t(x) = x + (1-t) b_t(x)."""

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """The point the velocity leads to."""
        return x + (1 - expand_time(t, x)) * self.logits(x, self.schedule.tau(t))


def squared_error(model: FlowLM, tokens: Tensor, context: StepContext) -> Loss:
    """|D_t(I_t) - data|^2, or |b_t(I_t) - (data - noise)|^2 for a velocity, summed over the vocabulary."""
    tau = stratified(len(tokens), context.generator, tokens.device)
    data = one_hot(tokens, model.vocab_size)
    noise = gaussian_noise(data.shape, context.generator, tokens.device)
    t = model.schedule.t(tau)
    x_t = interpolate(noise, data, t)
    if isinstance(model, VelocityModel):
        error = model.logits(x_t, tau) - (data - noise)
    else:
        error = model.denoiser(x_t, t) - data
    return Loss(error.square().sum(-1).mean())


def losses(steps: int) -> Iterator[dict[str, Any]]:
    """Velocity or denoiser, squared error or cross-entropy."""
    language = load_language("sentences")
    for choice, kind, objective in (
        ("velocity, squared error", VelocityModel, squared_error),
        ("denoiser, squared error", LinearDenoiser, squared_error),
        ("denoiser with softmax, squared error", FlowLM, squared_error),
        ("denoiser with softmax, cross-entropy", FlowLM, flow_matching),
    ):
        model = train_flow(kind, language, objective, steps)
        yield from measure("what the network predicts, and its loss", choice, model, language, steps)


# --- the clock ----------------------------------------------------------------------------------


def among(language: Language, vocab_size: int) -> Language:
    """The same texts in a larger vocabulary, whose other words no text uses."""
    unused = tuple(f"word{i}" for i in range(vocab_size - language.vocab_size))
    return Language(language.name, language.words + unused, language.tokens, language.probabilities)


def schedules(steps: int) -> Iterator[dict[str, Any]]:
    """Both clocks for the same texts in a small and a large vocabulary, trained and exact."""
    sentences = load_language("sentences")
    for language in (sentences, among(sentences, 4096)):
        question = f"clock, vocabulary of {language.vocab_size}"
        for clock in CLOCKS:
            exact = PerfectFlow(language, clock)
            few = SAMPLES if language.vocab_size < 1000 else SAMPLES // 4  # exact and large is slow
            yield from measure(question, f"{clock}, exact flow", exact, language, 0, few)
            trained = train_flow(FlowLM, language, flow_matching, steps, schedule=clock)
            yield from measure(question, clock, trained, language, steps)


def in_large_vocabulary(kind: type[FlowLM], suffix: str, steps: int) -> Iterator[dict[str, Any]]:
    """Both clocks in the large vocabulary alone, for a flow that reads noise linearly or softly."""
    language = among(load_language("sentences"), 4096)
    for clock in CLOCKS:
        trained = train_flow(kind, language, flow_matching, steps, schedule=clock)
        yield from measure(f"clock, vocabulary of {language.vocab_size}{suffix}", clock, trained, language, steps)


# --- the flow map's equation --------------------------------------------------------------------


def objectives(steps: int) -> Iterator[dict[str, Any]]:
    """Five equations with one teacher, and no teacher, which is given the teacher's steps as well."""
    language = load_language("sentences")
    teacher = train_flow(FlowLM, language, flow_matching, steps)
    kinds: tuple[tuple[str, type[FlowMapObjective]], ...] = (
        ("semigroup", SemigroupDistillation),
        ("Eulerian", EulerianDistillation),
        ("Lagrangian", LagrangianDistillation),
        ("Eulerian on the simplex", SimplexEulerianDistillation),
        ("Lagrangian on the simplex", SimplexLagrangianDistillation),
    )
    for choice, kind in kinds:
        student = FlowMapLM.from_flow_lm(teacher)
        train(student, language, kind(teacher, PRESET.semigroup), steps, ema=PRESET.distill.ema)
        yield from measure("objective of the flow map", choice, student, language, steps)
    torch.manual_seed(0)
    alone = FlowMapLM(PRESET.network(language.vocab_size, language.length), language.tokenizer)
    train(alone, language, SemigroupDistillation(None, PRESET.semigroup), 2 * steps, ema=PRESET.distill.ema)
    yield from measure("objective of the flow map", "semigroup without a teacher", alone, language, 2 * steps)


# --- whose jumps make the target, and how fast they move; rehearsing the longest jump ----------------


#: name -> settings of the optimizer; the first is the demo's, the last the paper's
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "Muon 0.02, AdamW 2e-3": {"optimizer": "muon", "muon_lr": 0.02, "lr": 2e-3},
    "AdamW 2e-3": {"optimizer": "adamw", "lr": 2e-3},
    "AdamW 3e-4": {"optimizer": "adamw", "lr": 3e-4},
}
RUNS = 3


def targets(steps: int) -> Iterator[dict[str, Any]]:
    """The student's latest weights or its averaged ones as target, with each optimizer; as notebook 07, three runs each.

    Half of the batch is on the diagonal, as in the authors' recipe; the first optimizer also with an eighth.
    """
    choices = [(name, 1 / 2) for name in OPTIMIZERS] + [(next(iter(OPTIMIZERS)), 1 / 8)]
    for name, diagonal in choices:
        for target in ("student", "ema"):
            for run in range(RUNS):
                options = FlowMapOptions(diagonal_fraction=diagonal, boundary_every=32, target=target)
                student, log = distil_sentences(None, options, steps, run, **OPTIMIZERS[name])
                choice = {"optimizer": name, "diagonal": diagonal, "target": target}
                yield one_step("whose jumps make the target", choice, student, log, steps, run)


def rehearsal(steps: int) -> Iterator[dict[str, Any]]:
    """The demo's recipe: a first half of all lengths, and a second half that does or does not rehearse the longest."""
    assert PRESET.rehearse is not None
    for run in range(RUNS):
        half, _ = distil_sentences(None, PRESET.semigroup, steps // 2, run)
        for choice, options in (("all lengths", PRESET.semigroup), ("every second from 0 to 1", PRESET.rehearse)):
            student, log = distil_sentences(half, options, steps - steps // 2, run + RUNS)
            yield one_step("rehearsing the longest jump", {"second_half": choice}, student, log, steps, run)


def distil_sentences(
    start: FlowMapLM | None, options: FlowMapOptions, steps: int, seed: int, **changes: Any
) -> tuple[FlowMapLM, list[dict[str, float]]]:
    """Return a map of the shipped flow of `sentences` (a copy of `start` that learned further), and its metrics."""
    language, teacher = load_language("sentences"), load_model("sentences-flm")
    assert isinstance(teacher, FlowLM)
    torch.manual_seed(seed)
    student = FlowMapLM.from_flow_lm(teacher) if start is None else copy.deepcopy(start)
    log: list[dict[str, float]] = []
    settings = {"batch": 64, "warmup": 20, "ema": 0.98, "precision": "float32", "log_every": 10, **changes}
    config = replace(PRESET.train, steps=steps, seed=seed, **settings)
    Trainer(student, language, SemigroupDistillation(teacher, options), config, device="cpu", on_log=log.append).run()
    return student, log


def one_step(
    question: str, choice: dict[str, Any], student: FlowMapLM, log: list[dict[str, float]], steps: int, run: int
) -> dict[str, Any]:
    """Return how many of the same noises become valid texts in one step, and how many the exact flow map's own."""
    language, ends = where_the_flow_ends()
    tokens = student.sample(SAMPLES, 1, generator=torch.Generator().manual_seed(1))
    row = {
        "question": question,
        **choice,
        "data": language.name,
        "training_steps": steps,
        "run": run,
        "samples": SAMPLES,
        "validity": round(language.validity(tokens), 4),
        "faithful": round(float((tokens == ends).all(-1).float().mean()), 4),
        "total_variation": round(language.total_variation(tokens), 4),
        "largest_divergence": round(max(record["semigroup_kl"] for record in log), 4),
    }
    print(", ".join(str(value) for value in row.values()), flush=True)
    return row


@cache
def where_the_flow_ends() -> tuple[Language, Tensor]:
    """Return `sentences`, and the texts to which its exact flow map carries the noises that `one_step` takes."""
    language = load_language("sentences")
    return language, PerfectFlowMap(language).sample(SAMPLES, 1, generator=torch.Generator().manual_seed(1))


# --- the curriculum of uniform diffusion -----------------------------------------------------------


def curriculum(steps: int) -> Iterator[dict[str, Any]]:
    """Duo on `tales`, whose longer texts tell the two apart, with hard tokens throughout and with soft ones first."""
    language = load_language("tales")
    for choice, softness in (("hard tokens throughout", 0.0), ("soft tokens first", UniformDiffusion().softness)):
        torch.manual_seed(0)
        model = UniformLM(PRESET.network(language.vocab_size, language.length), language.tokenizer)
        train(model, language, UniformDiffusion(softness), steps)
        yield from measure("how uniform diffusion learns", choice, model, language, steps)


# --- what one jump costs to learn -----------------------------------------------------------------


class OneJump:
    """Cross-entropy of the jump from 0 to 1 with the text to which the exact flow carries the same noise.

    No trained teacher's error is in it, and no other jump has to be learned: what is left is the learning itself.
    """

    FLOW_STEPS = 8  # Euler's, of the exact flow, whose samples on `tales` are valid from 4 on

    def __init__(self, language: Language):
        self.language, self.flow = language, PerfectFlow(language)

    @torch.no_grad()
    def texts(self, noise: Tensor) -> Tensor:
        """Where the exact flow ends: (B, L, V) -> (B, L) int64."""
        with torch.autocast(noise.device.type, enabled=False):
            ends = integrate(self.flow.step_denoiser, noise.double(), self.flow.schedule, self.FLOW_STEPS)
        assert isinstance(ends, Tensor)
        return ends

    def logits(self, model: FlowMapLM, noise: Tensor) -> Tensor:
        """What the model says in one evaluation: (B, L, V) -> the same."""
        start = torch.zeros(len(noise))
        return model.logits(noise, start, start + 1)

    def __call__(self, model: FlowMapLM, tokens: Tensor, context: StepContext) -> Loss:
        """Of as many noises as the batch has texts, which are not looked at."""
        noise = gaussian_noise((*tokens.shape, model.vocab_size), context.generator, tokens.device)
        return Loss(F.cross_entropy(self.logits(model, noise).flatten(0, 1), self.texts(noise).flatten()))


def one_jump(steps: int) -> Iterator[dict[str, Any]]:
    """The network of `tales` trained anew on its one jump, each time for twice as long, up to `steps`."""
    language = load_language("tales")
    objective, config = OneJump(language), load_model("tales-flm").config
    for n in (max(1, steps // part) for part in (16, 8, 4, 2, 1)):
        yield {"question": "what one jump costs to learn", **learn_jump(objective, objective, config, n)}


def learn_jump(jump: OneJump, objective: Any, config: NetworkConfig, steps: int) -> dict[str, Any]:
    """Train a map from random weights, and compare its one step with where the exact flow ends, from new noises."""
    torch.manual_seed(0)
    kind = PathMapLM if isinstance(config, GuessingConfig) and config.guesses else FlowMapLM
    model, language, samples = kind(config, jump.language.tokenizer), jump.language, 4 * SAMPLES
    train(model, language, objective, steps, device="cpu", warmup=30, decay=0.8, ema=0.99)  # where the exact flow is
    noise = gaussian_noise(
        (samples, language.length, language.vocab_size), torch.Generator().manual_seed(1), torch.device("cpu")
    )
    texts = torch.cat([jump.texts(part) for part in noise.split(500)])
    with torch.no_grad():
        logits = torch.cat([jump.logits(model, part) for part in noise.split(500)])
    written = logits.argmax(-1)
    row = {
        "data": language.name,
        "training_steps": steps,
        "samples": samples,
        "cross_entropy": round(float(F.cross_entropy(logits.flatten(0, 1), texts.flatten())), 4),
        "same_text": round(float((written == texts).all(-1).float().mean()), 4),
        "validity": round(language.validity(written), 4),
        "total_variation": round(language.total_variation(written), 4),
        "total_variation_exact": round(language.expected_total_variation(samples), 4),
    }
    print(", ".join(str(value) for value in row.values()), flush=True)
    return row


# --- what it gains from a network that guesses on its way -------------------------------------------


class ExactTeacher(nn.Module):
    """The exact flow of a language in the place of a trained one."""

    def __init__(self, flow: PerfectFlow):
        super().__init__()
        self.flow = flow

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """log D: (B, L, V) at clock values (B,) -> (B, L, V)."""
        with torch.autocast(x.device.type, enabled=False):
            denoiser = self.flow.denoiser(x.double(), self.flow.schedule.t(tau.double()))
        return denoiser.clamp_min(1e-30).log().float()


class EndEverywhere(PathDistillation):
    """Every guess is to be the answer."""

    def target(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, context: StepContext) -> Tensor:
        """(blocks, B, L, V)."""
        targets = super().target(model, x_s, tau_s, tau_t, context)
        return targets[-1:].expand_as(targets)


def path(steps: int) -> Iterator[dict[str, Any]]:
    """The same one jump of `tales`, by networks that guess and are taught their guesses, or are not."""
    language = load_language("tales")
    jump, plain = OneJump(language), load_model("tales-flm").config
    options = FlowMapOptions(target="teacher", jumps=jump.FLOW_STEPS, diagonal_fraction=0.0, boundary_every=1)
    unit = GuessingConfig(**asdict(plain), guesses=False)
    guessing: Any = size_like(FlowMapLM(plain), PathMapLM, GuessingConfig(**asdict(plain)))  # as many weights
    choices: tuple[tuple[str, type[FlowMapObjective], NetworkConfig], ...] = (
        ("plain", SemigroupDistillation, plain),
        ("queries and keys of one length", SemigroupDistillation, unit),
        ("and guesses, not taught", SemigroupDistillation, guessing),
        ("and guesses, taught the end", EndEverywhere, guessing),
        ("and guesses, taught the path", PathDistillation, guessing),
    )
    for choice, kind, config in choices:
        print(choice, end=": ", flush=True)
        objective = kind(ExactTeacher(jump.flow), options)  # type: ignore[arg-type]  # all that is asked of a teacher
        learned = learn_jump(jump, objective, config, steps)
        yield {"question": "a network that guesses on its way", "choice": choice, **learned}


# --- shared -------------------------------------------------------------------------------------


def train_flow(kind: type[FlowLM], language: Language, objective: Any, steps: int, **settings: Any) -> FlowLM:
    """A flow of the demo's size, with the flow's own settings."""
    torch.manual_seed(0)
    model = kind(PRESET.network(language.vocab_size, language.length), language.tokenizer, **settings)
    train(model, language, objective, steps)
    return model


def train(
    model: Any, language: Language, objective: Any, steps: int, device: str | None = None, **changes: Any
) -> None:
    """With the demo's settings."""
    Trainer(model, language, objective, replace(PRESET.train, steps=steps, **changes), device=device).run()


def measure(
    question: str, choice: str, model: Any, language: Language, training_steps: int, samples: int = SAMPLES
) -> Iterator[dict[str, Any]]:
    """Valid texts and total variation of the samples at each number of steps."""
    for count in (1, 2, 4, 8, 16, 64):
        tokens = model.sample(samples, count, generator=torch.Generator().manual_seed(1))
        row = {
            "question": question,
            "choice": choice,
            "data": language.name,
            "vocab_size": language.vocab_size,
            "training_steps": training_steps,  # of this model alone, not of its teacher
            "steps": count,
            "samples": samples,
            "validity": round(language.validity(tokens), 4),
            "total_variation": round(language.total_variation(tokens), 4),
            "total_variation_exact": round(language.expected_total_variation(samples), 4),
        }
        print(", ".join(str(value) for value in row.values()), flush=True)
        yield row


QUESTIONS: dict[str, Callable[[int], Iterator[dict[str, Any]]]] = {
    "losses": losses,
    "schedules": schedules,
    "large-vocabulary": partial(in_large_vocabulary, FlowLM, ""),
    "soft-reading": partial(in_large_vocabulary, SoftFlowLM, ", read softly"),
    "objectives": objectives,
    "targets": targets,
    "rehearsal": rehearsal,
    "curriculum": curriculum,
    "one-jump": one_jump,
    "path": path,
}


def main() -> None:
    """Train and measure; the table is written anew after every question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+", choices=list(QUESTIONS))
    parser.add_argument(
        "--steps", type=int, default=PRESET.train.steps, help="of every training; of the longest for one-jump"
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    facts = describe_run(seed=0, batch=PRESET.train.batch)
    rows: list[dict[str, Any]] = []
    for question in arguments.questions:
        rows += [{**row, **facts} for row in QUESTIONS[question](arguments.steps)]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with write_aside(arguments.out.parent, arguments.out.name) as (path,):
            path.write_text(text.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
