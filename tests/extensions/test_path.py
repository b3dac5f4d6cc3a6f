"""A flow map that guesses on its way: what its blocks say, what they are taught, how large it is, how it is kept."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from typer.testing import CliRunner, Result

from flm_edu.architecture import Role, count_weights
from flm_edu.cli import app
from flm_edu.extensions.path import (
    GUESS_WEIGHT,
    GuessingConfig,
    GuessingDiT,
    PathDistillation,
    PathMapLM,
    path_student,
)
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import expand_time
from flm_edu.language import Language
from flm_edu.language_model import load_model
from flm_edu.methods import size_like
from flm_edu.model_files import ModelError
from flm_edu.network import NetworkConfig
from flm_edu.objectives import FlowMapOptions, SemigroupDistillation, StepContext
from flm_edu.training.presets import load_preset
from tests.conftest import old_config, tiny_flow

SMALL: dict[str, Any] = {"vocab_size": 7, "length": 6, "width": 16, "blocks": 2, "heads": 2, "time_width": 8}
OPTIONS = FlowMapOptions(target="teacher", jumps=4, diagonal_fraction=0.25)


def network(role: Role | None = None, **changes: Any) -> GuessingDiT:
    torch.manual_seed(0)
    net = GuessingDiT(GuessingConfig(**{**SMALL, **changes}), role)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


def untrained_map(language: Language, blocks: int = 3) -> PathMapLM:
    torch.manual_seed(0)
    sizes = asdict(tiny_flow(language).config) | {"blocks": blocks}
    return PathMapLM(GuessingConfig(**sizes), language.tokenizer)


# --- the network --------------------------------------------------------------------------------


def test_guesses_change_nothing_until_they_are_read() -> None:
    """Reading starts from zero; what every block says ends with the answer, in the order of the blocks."""
    fresh = GuessingDiT(GuessingConfig(**SMALL))
    assert fresh.guesses is not None
    assert all(bool((cast(Any, guess).read.weight == 0).all()) for guess in fresh.guesses)

    net = network(blocks=3)
    x, tau = torch.randn(2, 6, 7), torch.rand(2)
    said = net(x, tau, every_block=True)
    assert said.shape == (3, 2, 6, 7)
    assert torch.equal(said[-1], net(x, tau))
    assert net.guesses is not None
    torch.nn.init.zeros_(cast(Any, net.guesses[1]).say.weight)
    silenced = net(x, tau, every_block=True)
    assert torch.equal(silenced[0], said[0])
    assert bool((silenced[1] == 0).all())
    assert not torch.allclose(silenced[2], said[2], atol=1e-3)  # it has read the guess


def test_only_a_network_with_guesses_speaks_in_every_block() -> None:
    net = network(guesses=False)
    assert net.guesses is None
    with pytest.raises(ValueError, match="only a network with guesses"):
        net(torch.randn(1, 6, 7), torch.rand(1), every_block=True)
    with pytest.raises(ValueError, match="`guesses` need 2 blocks or more"):
        network(blocks=1)


def test_unit_attention_hears_only_directions() -> None:
    """Queries and keys ten times as long change what plain attention sees, and not this one."""
    x, tau = torch.randn(2, 6, 7), torch.rand(2)
    for unit in (True, False):
        net = network(unit_attention=unit, guesses=False)
        before = net(x, tau)
        with torch.no_grad():
            for block in net.blocks:
                cast(Any, block).attention_in.weight[:32] *= 10
        assert torch.allclose(net(x, tau), before, atol=1e-3) == unit


@pytest.mark.parametrize("parts", [(1,) * 6, (2, 1, 3)])
def test_it_too_reads_in_parts_with_a_memory(parts: tuple[int, ...]) -> None:
    net = network(Role(causal=True, extra_tokens=1))
    tokens, tau = torch.randint(8, (3, 6)), torch.zeros(1)
    with torch.no_grad():
        full, memory = net(tokens, tau), net.new_memory()
        pieces = [net(part, tau, memory=memory) for part in tokens.split(list(parts), dim=1)]
    assert torch.allclose(torch.cat(pieces, dim=1), full, atol=1e-3, rtol=1e-3)


# --- the student --------------------------------------------------------------------------------


@pytest.mark.parametrize("vocab_size", [58, 256])
def test_a_student_that_guesses_is_as_large_as_one_that_does_not(vocab_size: int) -> None:
    """Or the guesses come on top, where the time embedding would have to make up for them."""
    config = cast(NetworkConfig, load_model("tales-flm").config)
    teacher = FlowLM(replace(config, vocab_size=vocab_size))
    student, plain = path_student(teacher), FlowMapLM.from_flow_lm(teacher)
    assert isinstance(student.config, GuessingConfig)
    assert student.config.guesses
    assert student.config.unit_attention
    ratio = count_weights(student.network) / count_weights(plain.network)
    assert 0.98 < ratio < (1.02 if vocab_size == 58 else 1.3)
    assert student.config.time_width > config.time_width / 2


def test_what_is_to_be_as_large_as_a_path_map_does_not_guess() -> None:
    """Nothing would teach the guesses of another model: only a plain network is a fair comparison."""
    student = path_student(FlowLM(cast(NetworkConfig, load_model("tales-flm").config)))
    like = size_like(student, FlowLM)
    assert count_weights(FlowLM(like).network) == pytest.approx(count_weights(student.network), rel=0.02)
    assert type(like) is NetworkConfig


def test_a_path_is_not_for_large_vocabularies_or_a_single_block() -> None:
    config = load_preset("tiny").network(2048, 26)
    with pytest.raises(ValueError, match=r"times as large.*use semigroup"):
        path_student(FlowLM(config))
    with pytest.raises(ValueError, match="2 blocks or more"):
        path_student(FlowLM(replace(config, vocab_size=29, blocks=1)))


# --- what it is taught --------------------------------------------------------------------------


def test_a_path_is_taught_block_by_block(flow: FlowLM, language: Language) -> None:
    """The answer: where the teacher's steps lead; the guesses: what the teacher saw at their start and half-way."""
    student = untrained_map(language)
    objective = PathDistillation(flow, OPTIONS)
    noise = torch.randn(8, 3, 3, generator=torch.Generator().manual_seed(3))
    zero, one = torch.zeros(8), torch.ones(8)
    with torch.no_grad():
        first, second, answer = objective.target(student, noise, zero, one, StepContext())
        alone = SemigroupDistillation(flow, OPTIONS).target(student, noise, zero, one, StepContext())
        x = noise
        for k in range(2):
            s, t = (flow.schedule.t(torch.full((8,), i / 4)) for i in (k, k + 1))
            x = x + expand_time(t - s, x) * flow.velocity(x, s)
        half = flow.logits(x, one / 2).softmax(-1)
        assert torch.equal(answer, alone)
        assert torch.allclose(first, flow.logits(noise, zero).softmax(-1), atol=1e-6)
        assert torch.allclose(second, half, atol=1e-5)
    tokens = language.sample(8, generator=torch.Generator().manual_seed(0))
    result = objective(student, tokens, StepContext(torch.Generator()))
    divergences = {name: float(value) for name, value in result.parts.items()}
    mean = 0.25 * divergences["diagonal_kl"] + 0.75 * divergences["path_kl"]
    assert float(result.loss) == pytest.approx(mean + GUESS_WEIGHT * divergences["guess_kl"], abs=1e-5)
    with pytest.raises(ValueError, match="`target` must be teacher, not ema"):
        PathDistillation(flow, FlowMapOptions(target="ema"))


def test_kept_targets_are_those_of_every_block(flow: FlowLM, language: Language) -> None:
    student = untrained_map(language)
    tokens = language.sample(8, generator=torch.Generator().manual_seed(0))

    def losses(keep: bool) -> list[float]:
        objective = PathDistillation(flow, OPTIONS, keep=keep)
        contexts = [StepContext(torch.Generator().manual_seed(1), batch=5) for _ in range(2)]
        return [float(objective(student, tokens, context).loss) for context in contexts]

    kept, made_again = losses(True), losses(False)
    assert kept[0] == kept[1]
    assert kept == pytest.approx(made_again, abs=1e-3)


def test_every_weight_is_trained(flow: FlowLM, language: Language, generator: torch.Generator) -> None:
    student = untrained_map(language)
    for name, parameter in student.named_parameters():  # as they are once a step is taken
        if "modulation" in name or "head.linear" in name or "read" in name or "second_time" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    tokens = language.sample(16, generator=generator)
    PathDistillation(flow, OPTIONS)(student, tokens, StepContext(generator)).loss.backward()
    without = [name for name, p in student.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert without == []
    assert all(p.grad is None for p in flow.parameters())


# --- the command line ---------------------------------------------------------------------------

DISTILL = ("distill", "--teacher", "sentences-flm", "--batch", "16", "--steps", "3")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def path_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that three steps have distilled, its targets kept."""
    out = tmp_path_factory.mktemp("runs") / "path"
    made = call(*DISTILL, "--method", "path", "--jumps", "4", "--cycle", "2", "--out", str(out))
    assert made.exit_code == 0, made.output
    return out


def test_a_path_is_distilled_by_name(path_map: Path) -> None:
    records = [json.loads(line) for line in (path_map / "metrics.jsonl").read_text().splitlines()]
    assert {"path_kl", "guess_kl", "diagonal_kl"} <= records[-1].keys()
    facts = json.loads((path_map / "provenance.json").read_text())["objective"]
    assert (facts["method"], facts["target"], facts["jumps"]) == ("path", "teacher", 4)
    made = load_model(path_map)
    assert isinstance(made, PathMapLM)
    assert made.sample(2, 1).shape == (2, 10)


@pytest.mark.parametrize("method", ["path", "semigroup"])
def test_a_path_map_is_gone_on_from(path_map: Path, tmp_path: Path, method: str) -> None:
    """It has parts of its own, which --init keeps, whatever the method."""
    more = ("--init", str(path_map), "--boundary-every", "1", "--jumps", "6", "--out", str(tmp_path))
    further = call(*DISTILL, "--method", method, *more)
    assert further.exit_code == 0, further.output
    made = load_model(tmp_path)
    assert isinstance(made, PathMapLM)
    assert made.config == load_model(path_map).config
    objective = made.provenance["objective"]
    assert (objective["method"], objective["jumps"]) == (method, 6)
    assert made.provenance["init"]["steps"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*DISTILL, "--method", "path", "--target", "ema"), "--target must be teacher, not ema"),
        ((*DISTILL, "--method", "path", "--init", "sentences-fmlm"), "--init has another network"),
        (("distill", "--method", "path", "--teacher", "sotu-flm"), "use semigroup"),
        (("train", "--language", "cities", "--model", "flow-map", "--method", "path"), "'path' is not one of"),
    ],
    ids=["target", "init", "vocabulary", "alone"],
)
def test_what_a_path_cannot_do_is_told(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = call(*arguments, "--out", str(tmp_path / "x"))
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert not (tmp_path / "x").exists()


# --- the directory ------------------------------------------------------------------------------


def test_what_is_saved_is_what_is_loaded(language: Language, tmp_path: Path) -> None:
    model = untrained_map(language)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["model"], config["network"]["architecture"]) == ("path-map-lm", "guessing-dit")
    again = load_model(tmp_path)
    assert type(again) is PathMapLM
    assert again.config == model.config
    draws = [m.sample(4, 1, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*draws)
    assert FlowMapLM.from_pretrained(tmp_path).kind == "path-map-lm", "it is a flow map, and does what one does"


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True)], ids=str)
def test_a_directory_of_version_0_1_loads_as_a_path_map(
    language: Language, tmp_path: Path, flags: tuple[bool, bool]
) -> None:
    """There guesses and attention of one length were flags of every network, and the kind that of a plain map."""
    unit_attention, guesses = flags
    sizes = asdict(untrained_map(language).config) | {"unit_attention": unit_attention, "guesses": guesses}
    model = PathMapLM(GuessingConfig(**sizes), language.tokenizer)
    model.save_pretrained(tmp_path)
    old_config(tmp_path, "flow-map-lm", two_times=True, unit_attention=unit_attention, guesses=guesses)
    again = load_model(tmp_path)
    assert type(again) is PathMapLM
    assert again.config == model.config
    draws = [m.sample(4, 1, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*draws)


def test_a_flow_of_version_0_1_whose_attention_is_of_one_length_stays_a_flow(
    language: Language, tmp_path: Path
) -> None:
    """The flag was one of every network, not only of a map's."""
    sizes = asdict(tiny_flow(language).config) | {"unit_attention": True, "guesses": False}
    model = FlowLM(GuessingConfig(**sizes), language.tokenizer)
    model.save_pretrained(tmp_path)
    old_config(tmp_path, "flow-lm", unit_attention=True)
    again = load_model(tmp_path)
    assert type(again) is FlowLM
    draws = [m.sample(4, 2, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*draws)


def test_guesses_of_a_plain_network_are_no_setting(flow_map: FlowMapLM, tmp_path: Path) -> None:
    flow_map.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["network"]["guesses"] = True
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(tmp_path)
