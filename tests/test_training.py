"""The loop learns, resumes exactly, and stops without losing anything."""

import csv
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from flm_edu.architecture import Network
from flm_edu.baselines import AutoregressiveLM, MaskedLM
from flm_edu.extensions import SoftFlowLM
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.grammar import load_language
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.methods import TRAINABLE
from flm_edu.objectives import (
    EulerianDistillation,
    LagrangianDistillation,
    Loss,
    SemigroupDistillation,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
    StepContext,
    flow_matching,
)
from flm_edu.training import TrainConfig, Trainer
from flm_edu.training.optimizers import build_optimizers, natural_precision
from flm_edu.training.records import MetricsWriter, read_metrics
from flm_edu.training.state import TrainingStopped, saved_states, state_path
from tests.conftest import full_disk, tiny_flow

SHORT = TrainConfig(steps=12, batch=8, warmup=2, log_every=4, save_every=4)


def weights(model: FlowLM) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def trained(language: Language, config: TrainConfig, directory: Path | None = None, **options: Any) -> FlowLM:
    model = tiny_flow(language)
    Trainer(model, language, flow_matching, config, directory=directory, **options).run()
    return model


def same(a: FlowLM, b: FlowLM) -> bool:
    return all(torch.equal(x, y) for x, y in zip(weights(a).values(), weights(b).values(), strict=True))


def test_it_learns(language: Language) -> None:
    records: list[dict[str, float]] = []
    model = trained(
        language, TrainConfig(steps=200, batch=64, warmup=10, log_every=10, ema=0.98), on_log=records.append
    )
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]
    assert language.validity(model.sample(200, 32, generator=torch.Generator().manual_seed(0))) > 0.9
    assert records[-1]["step"] == 200
    assert records[-1]["tokens_per_second"] > 0


def test_distillation_learns(language: Language) -> None:
    config = TrainConfig(steps=250, batch=64, warmup=10, ema=0.95)
    flow = trained(language, config)
    student = FlowMapLM.from_flow_lm(flow)
    Trainer(student, language, SemigroupDistillation(flow), config).run()
    distance = [
        language.total_variation(model.sample(400, 1, generator=torch.Generator().manual_seed(0)))
        for model in (student, flow)
    ]
    assert distance[0] < 0.75 * distance[1]  # in one step the flow writes little but its likeliest text


def test_a_compiled_network_learns_the_same(
    language: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced, and run as it is: what is tested is that nothing else notices, not the machine's compiler."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    plain, compiled = (trained(language, replace(SHORT, compile=c), tmp_path / str(c)) for c in (False, True))
    assert all(
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(weights(plain).values(), weights(compiled).values(), strict=True)
    )
    assert same(compiled, load_model(tmp_path / "True"))  # type: ignore[arg-type]


def test_same_seed_same_weights_and_other_seed_other(language: Language) -> None:
    first, again, other = (trained(language, replace(SHORT, seed=seed)) for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)


def test_a_cycle_draws_the_same_batches_again(language: Language) -> None:
    seen: list[tuple[list[int], float]] = []
    numbers: list[int | None] = []

    def watch(model: FlowLM, tokens: torch.Tensor, context: StepContext) -> Loss:
        assert context.generator is not None
        numbers.append(context.batch)
        seen.append((tokens.flatten().tolist(), float(torch.rand(1, generator=context.generator.clone_state()))))
        return flow_matching(model, tokens, context)

    Trainer(tiny_flow(language), language, watch, replace(SHORT, steps=7, cycle=3)).run()
    assert seen[:3] == seen[3:6]
    assert seen[0] == seen[6]
    assert seen[0] != seen[1]
    assert numbers == [0, 1, 2, 0, 1, 2, 0]


def test_an_objective_is_told_what_it_may_use(language: Language) -> None:
    """Each part of a batch that comes again has a number of its own; without a cycle none has."""
    seen: list[StepContext] = []

    def watch(model: FlowLM, tokens: torch.Tensor, context: StepContext) -> Loss:
        assert len(tokens) == 4
        seen.append(context)
        return flow_matching(model, tokens, context)

    for cycle in (0, 2):
        trainer = Trainer(tiny_flow(language), language, watch, replace(SHORT, steps=4, accumulate=2, cycle=cycle))
        trainer.run()
        assert all(context.averaged is trainer.averaged for context in seen[-8:])
        assert all(context.generator is not None for context in seen[-8:])
    assert [context.progress for context in seen[:8]] == [0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    assert [context.batch for context in seen] == [None] * 8 + [0, 1, 2, 3, 0, 1, 2, 3]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_resumed_run_ends_where_an_unbroken_one_does(language: Language, tmp_path: Path, optimizer: Any) -> None:
    config = replace(SHORT, optimizer=optimizer, save_every=3)
    unbroken = trained(language, config, tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(record: dict[str, float]) -> None:
        if record["step"] == 12:
            raise Stop

    with pytest.raises(Stop):  # dies after the checkpoint of step 9, before that of step 12
        trained(language, config, tmp_path / "broken", on_log=stop)
    model = tiny_flow(language, seed=5)
    trainer = Trainer(model, language, flow_matching, config, directory=tmp_path / "broken")
    trainer.resume()
    assert trainer.step == 9
    trainer.run()
    assert same(model, unbroken)
    assert same(load_model(tmp_path / "broken"), unbroken)  # type: ignore[arg-type]
    timed = ("seconds", "tokens_per_second")
    logged = [
        [{name: value for name, value in record.items() if name not in timed} for record in read_metrics(path)]
        for path in (tmp_path / "broken" / "metrics.jsonl", tmp_path / "whole" / "metrics.jsonl")
    ]
    assert logged[0] == logged[1]  # the mean of steps 9 to 12 too, one of which was before the end
    assert [record["step"] for record in logged[0]] == [4, 8, 12]


def test_dropout_is_seeded_too(language: Language) -> None:
    models = [tiny_flow(language, dropout=0.5) for _ in range(2)]
    for model in models:
        torch.randn(7)  # other draws in between must not matter
        Trainer(model, language, flow_matching, SHORT).run()
    assert same(*models)


def test_accumulation_is_one_larger_batch(language: Language) -> None:
    """The same examples in two passes give the same gradient as in one."""

    def fixed(model: FlowLM, tokens: torch.Tensor, context: StepContext) -> Loss:
        return Loss((model.logits(tokens, torch.full((len(tokens),), 0.5)) ** 2).mean())

    class Same:
        name, vocab_size, length, fingerprint = "same", language.vocab_size, language.length, "x"
        origin: Mapping[str, Any] = {}

        def sample(self, n: int, *, generator: Any = None) -> torch.Tensor:
            return language.tokens[:1].expand(n, -1)

    results = []
    for accumulate in (1, 2):
        model = tiny_flow(language)
        Trainer(model, Same(), fixed, replace(SHORT, accumulate=accumulate, optimizer="adamw")).run()
        results.append(weights(model))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(results[0].values(), results[1].values(), strict=True))


def test_saved_weights_are_the_average(language: Language, tmp_path: Path) -> None:
    model = tiny_flow(language)
    trainer = Trainer(
        model, language, flow_matching, replace(SHORT, ema=0.5, steps=3, save_every=1), directory=tmp_path
    )
    start = weights(model)["head.linear.weight"]
    raw = []
    step = trainer._update

    def recording() -> dict[str, torch.Tensor]:
        result = step()
        raw.append(trainer.plain_network.state_dict()["head.linear.weight"].clone())
        return result

    trainer._update = recording  # type: ignore[method-assign]
    trainer.run()
    average = start
    for k, value in enumerate(raw):
        average = torch.lerp(average, value, 1 - min(0.5, (1 + k) / (10 + k)))
    assert torch.allclose(weights(load_model(tmp_path))["head.linear.weight"], average, atol=1e-6)  # type: ignore[arg-type]


def test_provenance_says_where_a_model_comes_from(language: Language, tmp_path: Path) -> None:
    trained(language, SHORT, tmp_path, facts={"teacher": "t"})
    facts = json.loads((tmp_path / "provenance.json").read_text())
    assert facts["corpus_fingerprint"] == language.fingerprint
    assert facts["steps"] == 12
    assert facts["training"]["batch"] == 8
    assert facts["teacher"] == "t"
    assert facts["metrics"]["loss"] > 0
    assert {"package", "commit", "command", "machine", "torch", "date"} <= facts.keys()


def test_nan_stops_and_keeps_the_last_good_checkpoint(language: Language, tmp_path: Path) -> None:
    calls = itertools.count(1)

    def breaks(model: FlowLM, tokens: torch.Tensor, context: StepContext) -> Loss:
        return Loss(flow_matching(model, tokens, context).loss * (math.nan if next(calls) > 6 else 1))

    model = tiny_flow(language)
    with pytest.raises(TrainingStopped, match=r"NaN or infinite at step 7; .* keeps the last good checkpoint"):
        Trainer(model, language, breaks, SHORT, directory=tmp_path).run()
    saved = load_model(tmp_path)
    assert saved.provenance["steps"] == 4
    assert all(bool(p.isfinite().all()) for p in saved.parameters())


def test_a_bad_gradient_is_caught_before_it_is_saved(language: Language, tmp_path: Path) -> None:
    """The loss of the step is still finite; the weights no longer are."""

    calls = itertools.count(1)

    def breaks(model: FlowLM, tokens: torch.Tensor, context: StepContext) -> Loss:
        result = flow_matching(model, tokens, context)
        if next(calls) == 8:
            result.loss.register_hook(lambda gradient: gradient * math.nan)
        return result

    with pytest.raises(TrainingStopped, match="at step 8"):
        Trainer(tiny_flow(language), language, breaks, SHORT, directory=tmp_path).run()
    assert load_model(tmp_path).provenance["steps"] == 4
    assert all(bool(p.isfinite().all()) for p in load_model(tmp_path).parameters())


def test_a_metrics_file_cut_short_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert [record["step"] for record in read_metrics(tmp_path / "m.jsonl")] == [1, 2]
    (tmp_path / "m.jsonl").write_text('{"st\n{"step": 2}\n')
    with pytest.raises(ValueError, match=r"m\.jsonl, line 1"):
        read_metrics(tmp_path / "m.jsonl")


@pytest.mark.cuda
def test_a_teacher_loaded_on_the_cpu_distils_on_cuda(language: Language) -> None:
    flow = tiny_flow(language)
    Trainer(FlowMapLM.from_flow_lm(flow), language, SemigroupDistillation(flow), SHORT).run()


def test_a_full_disk_stops_with_the_last_checkpoint_whole(language: Language, tmp_path: Path) -> None:
    trainer = Trainer(tiny_flow(language), language, flow_matching, SHORT, directory=tmp_path)
    trainer.run()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with full_disk(), pytest.raises(TrainingStopped, match=r"step 12 could not be saved .* is whole"):
        trainer.save()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    Trainer(tiny_flow(language), language, flow_matching, SHORT, directory=tmp_path).resume()


def test_learning_rate_rises_stays_and_falls() -> None:
    config = TrainConfig(steps=100, warmup=10, decay=0.5)
    factors = [config.lr_factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:51] == [1.0] * 42
    assert factors[99] == pytest.approx(1 / 50)
    assert all(a >= b for a, b in itertools.pairwise(factors[50:]))
    assert TrainConfig(steps=100, warmup=10, decay=0.0).lr_factor(98) == 1


def test_muon_takes_the_matrices_of_the_blocks(flow: FlowLM) -> None:
    assert isinstance(flow.network, Network)
    adamw, muon = build_optimizers(flow.network, TrainConfig())
    in_muon = {id(p) for group in muon.param_groups for p in group["params"]}
    names = {name for name, p in flow.network.named_parameters() if id(p) in in_muon}
    assert names == {
        f"blocks.{b}.{part}.weight" for b in (0, 1) for part in ("attention_in", "attention_out", "mlp_in", "mlp_out")
    }
    everything = sum(len(g["params"]) for o in (adamw, muon) for g in o.param_groups)
    assert everything == len(list(flow.parameters()))
    assert len(build_optimizers(flow.network, TrainConfig(optimizer="adamw"))) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "`steps` is 0"),
        ({"lr": 0.0}, "`lr` is 0.0"),
        ({"ema": 1.0}, "`ema` is 1.0"),
        ({"optimizer": "sgd"}, "`optimizer` is 'sgd'; choose one of muon, adamw"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**changes)


def test_corpus_of_another_shape_is_named(flow: FlowLM) -> None:
    with pytest.raises(ValueError, match="vocab_size 4, the model 3"):
        Trainer(flow, load_language("cities"), flow_matching, SHORT)


def test_batches_that_cannot_be_divided_are_named(flow: FlowLM, language: Language) -> None:
    with pytest.raises(ValueError, match="`batch` 8 cannot be divided"):
        Trainer(flow, language, flow_matching, replace(SHORT, accumulate=3))


def test_resuming_needs_the_same_run(language: Language, tmp_path: Path) -> None:
    def trainer(config: TrainConfig = SHORT, corpus: Language = language) -> Trainer:
        return Trainer(tiny_flow(language), corpus, flow_matching, config, directory=tmp_path)

    with pytest.raises(TrainingStopped, match=r"`resume`: .* start the run without it"):
        trainer().resume()
    trainer().run()
    with pytest.raises(TrainingStopped, match="steps 12 -> 20"):
        trainer(replace(SHORT, steps=20)).resume()
    other = Language.from_sentences(["a b c", "a c b", "b b a"])
    with pytest.raises(TrainingStopped, match=r"corpus .* -> "):
        trainer(corpus=other).resume()
    state = state_path(tmp_path)
    saved = torch.load(state, weights_only=True)
    del saved["run"]["network softcap"]  # a setting that did not exist yet when the run was saved
    torch.save(saved, state)
    trainer().resume()
    for path in saved_states(tmp_path):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(TrainingStopped, match="start the run anew"):
        trainer().resume()


@pytest.mark.parametrize("whole_file", [True, False], ids=["cut short", "one bit"])
def test_a_damaged_state_is_passed_over_for_the_one_before(
    language: Language, tmp_path: Path, whole_file: bool
) -> None:
    """And is not kept in its place: after the next save both are good."""
    unbroken = trained(language, SHORT, tmp_path / "whole")
    trained(language, SHORT, tmp_path / "cut")
    state = state_path(tmp_path / "cut")
    content = bytearray(state.read_bytes())
    weight = torch.load(state, weights_only=True)["network"]["head.linear.weight"].numpy().tobytes()
    content[content.index(weight)] ^= 1  # which torch would take
    state.write_bytes(content[:1000] if whole_file else content)
    model = tiny_flow(language, seed=5)
    trainer = Trainer(model, language, flow_matching, SHORT, directory=tmp_path / "cut")
    with pytest.warns(UserWarning, match=r"state\.pt is damaged .* goes on from the state before it"):
        trainer.resume()
    assert trainer.step == 8
    trainer.run()
    assert same(model, unbroken)
    assert [record["step"] for record in read_metrics(tmp_path / "cut" / "metrics.jsonl")] == [4, 8, 12]
    steps = [torch.load(path, weights_only=True)["step"] for path in saved_states(tmp_path / "cut")]
    assert steps == [12, 8]


def test_tensorboard_shows_a_resumed_run_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start, losses in ((0, [4.0, 3.0, 2.0, 1.0]), (2, [2.5, 1.5])):
        writer = MetricsWriter(tmp_path, start)
        writer.begin()
        for step, loss in enumerate(losses, start + 1):
            writer.write({"step": float(step), "loss": loss})
    shown = EventAccumulator(str(tmp_path / "tensorboard"))
    shown.Reload()
    assert [(event.step, event.value) for event in shown.Scalars("loss")] == [(1, 4.0), (2, 3.0), (3, 2.5), (4, 1.5)]


@pytest.mark.parametrize("others", [(MaskedLM, AutoregressiveLM), (FlowLM, SoftFlowLM)], ids=["tokens", "states"])
def test_resuming_needs_the_same_kind_of_model(
    language: Language, tmp_path: Path, others: tuple[type[LanguageModel], type[LanguageModel]]
) -> None:
    """Their networks have the same sizes and weights, and are told other things."""
    objectives = {one.model: one.objective for one in TRAINABLE.values()}
    sizes = tiny_flow(language).config

    def trainer(kind: type[LanguageModel]) -> Trainer:
        objective = objectives[kind]
        assert objective is not None
        return Trainer(kind(sizes, language.tokenizer), language, objective, SHORT, directory=tmp_path)

    trainer(others[0]).run()
    trainer(others[0]).resume()
    with pytest.raises(TrainingStopped, match=f"{others[0].kind} -> {others[1].kind}"):
        trainer(others[1]).resume()


# --- real processes -----------------------------------------------------------------------------


@pytest.mark.slow
def test_kills_and_damage_lose_nothing(tmp_path: Path) -> None:
    """Six kills and one of each other fault; benchmarks/faults.py says what is compared, and does many more."""
    command = [sys.executable, str(Path(__file__).parent.parent / "benchmarks" / "faults.py")]
    done = subprocess.run(
        [*command, "--kills", "6", "--tries", "1", "--out", str(tmp_path / "faults.csv")],
        capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with open(tmp_path / "faults.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 17
    assert sum(int(row["tried"]) for row in rows[:2]) == 6
    assert all(int(row["tried"]) > 0 and row["lost"] == "0" for row in rows)


def command(out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "flm_edu.cli", "train", "--language", "cities", "--width", "16", "--heads", "2", "--blocks", "1",
        "--steps", "400", "--batch", "16", "--save-every", "100000", "--out", str(out), *more,
    ]  # fmt: skip


def test_ctrl_c_saves_and_the_resumed_run_is_exact(tmp_path: Path) -> None:
    if sys.platform == "win32":
        return  # there one process cannot press another's Ctrl-C without pressing its own
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    process = subprocess.Popen(command(tmp_path / "cut"), stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 300  # to import torch can take long on a busy machine
    while not (metrics.is_file() and metrics.read_text().count("\n") >= 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "stopped: interrupted after step" in errors
    assert "--resume goes on from it" in errors
    stopped_at = load_model(tmp_path / "cut").provenance["steps"]
    assert 0 < stopped_at < 400
    subprocess.run(command(tmp_path / "cut", "--resume"), check=True, capture_output=True)
    assert same(load_model(tmp_path / "whole"), load_model(tmp_path / "cut"))  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path) -> None:
    """torchrun with gloo: two processes end with a model that works, and only one of them writes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "flm_edu.cli"]
    arguments = command(tmp_path / "two")[3:]
    subprocess.run([*launch, *arguments], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    records = read_metrics(tmp_path / "two" / "metrics.jsonl")
    assert [r["step"] for r in records] == sorted({r["step"] for r in records})
    cities = load_language("cities")
    model = load_model(tmp_path / "two")
    assert cities.validity(model.sample(200, 16, generator=torch.Generator().manual_seed(0))) > 0.95


RANK_AS_LOSS = """
import os
from flm_edu.grammar import load_language
from flm_edu.flow import FlowLM
from flm_edu.network import NetworkConfig
from flm_edu.objectives import Loss
from flm_edu.training import TrainConfig, Trainer

cities = load_language("cities")
model = FlowLM(NetworkConfig(cities.vocab_size, cities.length, width=8, blocks=1, heads=2, time_width=8))

def rank_as_loss(model, tokens, context):
    return Loss(0 * sum(p.sum() for p in model.network.parameters()) + float(os.environ["RANK"]))

Trainer(model, cities, rank_as_loss, TrainConfig(steps=2, batch=4, log_every=1), on_log=lambda r: print(r["loss"])).run()
"""


@pytest.mark.slow
def test_what_is_logged_is_the_mean_over_processes(tmp_path: Path) -> None:
    script = tmp_path / "rank_as_loss.py"
    script.write_text(RANK_AS_LOSS)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.run(launch, check=True, capture_output=True, text=True, env=env).stdout
    assert printed.split() == ["0.5", "0.5"]  # by the first process alone


@pytest.mark.cuda
def test_a_cuda_run_needs_no_other_code(language: Language, tmp_path: Path) -> None:
    model = trained(language, SHORT, tmp_path)
    assert next(model.parameters()).is_cuda


@pytest.mark.cuda
@pytest.mark.parametrize(
    "kind",
    [
        SemigroupDistillation,
        LagrangianDistillation,
        EulerianDistillation,
        SimplexLagrangianDistillation,
        SimplexEulerianDistillation,
    ],
)
def test_flow_maps_learn_on_cuda(language: Language, tmp_path: Path, kind: Any) -> None:
    """In parts, saved, and loaded again: what differs there is where tensors lie."""
    flow = tiny_flow(language)
    student = FlowMapLM.from_flow_lm(flow)
    config = replace(SHORT, steps=4, accumulate=2)
    Trainer(student, language, kind(flow), replace(config, save_every=2), directory=tmp_path).run()
    again = Trainer(
        FlowMapLM.from_flow_lm(flow), language, kind(flow), replace(config, save_every=2), directory=tmp_path
    )
    again.resume()
    assert again.step == 4
    assert bool(student.sample(4, 1, generator=torch.Generator("cuda").manual_seed(0)).ge(0).all())


def test_automatic_precision_is_what_the_device_has_natively(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for native, precision in ((True, "bf16"), (False, "float32")):  # the older GPUs only imitate it
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, native=native: native)
        assert natural_precision(torch.device("cuda")) == precision
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert natural_precision(cpu) == "bf16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    assert natural_precision(cpu) == "float32"
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older torch
    assert natural_precision(cpu) == "float32"
