"""One contract: whatever writes text is asked for it, told where to start and recorded in the same way."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import flm_edu
from flm_edu.any_order import AnyOrderLM
from flm_edu.baselines import AutoregressiveLM, MaskedLM, UniformLM
from flm_edu.evaluation import sweep
from flm_edu.extensions import PathMapLM, SoftFlowLM, SoftFlowMapLM
from flm_edu.extensions.path import GuessingConfig
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.generator import Request, TextGenerator
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel
from flm_edu.network import NetworkConfig
from flm_edu.oracle import PERFECT, load_perfect

N, STEPS = 5, 3
TOY = Language.from_sentences(["a b c", "a c b", "b b a"], [0.5, 0.25, 0.25], name="toy")
SIZES = {"vocab_size": 3, "length": 3, "width": 16, "blocks": 2, "heads": 2, "time_width": 16}


def untrained(kind: type[LanguageModel]) -> LanguageModel:
    """A small model whose outputs differ."""
    torch.manual_seed(0)
    sizes = GuessingConfig if kind is PathMapLM else NetworkConfig
    model = kind(sizes(**SIZES), TOY.tokenizer)  # type: ignore[arg-type]
    for name, parameter in model.named_parameters():
        if "modulation" in name or "head.linear" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


TRAINED: list[type[LanguageModel]] = [
    FlowLM,
    FlowMapLM,
    AnyOrderLM,
    MaskedLM,
    UniformLM,
    AutoregressiveLM,
    PathMapLM,
    SoftFlowLM,
    SoftFlowMapLM,
]
MAKERS: dict[str, Callable[[], TextGenerator]] = {
    **{kind.kind: lambda kind=kind: untrained(kind) for kind in TRAINED},  # type: ignore[misc]
    **{f"perfect {name}": lambda name=name: load_perfect(name, TOY) for name in PERFECT},  # type: ignore[misc]
}
EVERY = [(name, sampler) for name, make in MAKERS.items() for sampler in make().SAMPLERS]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("name", "sampler"), EVERY)
def test_the_contract(name: str, sampler: str) -> None:
    model = MAKERS[name]()
    tokens = model.sample(N, STEPS, generator=seeded(), sampler=sampler)
    assert tokens.shape == (N, 3)
    assert tokens.dtype == torch.int64
    assert bool(((tokens >= 0) & (tokens < 3)).all())
    assert torch.equal(model.sample(N, STEPS, generator=seeded(), sampler=sampler), tokens), "same seed, same tokens"
    if sampler == model.SAMPLERS[0]:
        assert torch.equal(model.sample(N, STEPS, generator=seeded()), tokens), "the first is what is meant"
    assert len(model.decode(tokens)) == N

    taken = STEPS if model.fixed_steps is None else model.fixed_steps
    plain = model.sample(N, STEPS, generator=seeded(), sampler=sampler, record=True)
    whole = model.sample(N, STEPS, generator=seeded(), sampler=sampler, record=True, keep_states=True)
    assert plain.states is None
    assert whole.states is not None
    assert whole.states.shape == (taken + 1, N, 3, 3)
    for seen in (plain, whole):
        assert torch.equal(seen.final_tokens, tokens), "to look changes nothing"
        assert seen.tau.shape == seen.t.shape == (taken + 1,)
        assert (float(seen.tau[0]), float(seen.tau[-1]), float(seen.t[0]), float(seen.t[-1])) == (0, 1, 0, 1)
        assert seen.likeliest.shape == seen.likelihoods.shape == (taken + 1, N, 3, 3)
        assert bool(((seen.likelihoods > -1e-6) & (seen.likelihoods < 1 + 1e-6)).all())
        assert float(seen.likelihoods.sum(-1).max()) < 1 + 1e-5
        assert seen.tokens.shape == seen.confidences.shape == (taken + 1, N, 3)
    assert torch.equal(whole.states[-1].argmax(-1), tokens)


@pytest.mark.parametrize(("name", "sampler"), EVERY)
def test_noise_that_is_given_is_as_good_as_noise_that_is_drawn(name: str, sampler: str) -> None:
    model, draws = MAKERS[name](), seeded()
    drawn = model.draw_noise(N, draws)
    if drawn is None:
        with pytest.raises(ValueError, match=f"`noise` is given, but a {model.kind} starts from none"):
            model.sample(N, STEPS, noise=torch.zeros(N, 3, 3), sampler=sampler)
        return
    tokens = model.sample(N, STEPS, generator=draws, noise=drawn, sampler=sampler)
    assert torch.equal(tokens, model.sample(N, STEPS, generator=seeded(), sampler=sampler))
    before = drawn.clone()
    model.sample(N, STEPS, generator=seeded(1), noise=drawn, sampler=sampler)
    assert torch.equal(drawn, before), "it can be given again, to another model"
    if sampler == "ode":
        narrow = model.sample(N, STEPS, noise=drawn.to(torch.float32), sampler=sampler)
        assert torch.equal(narrow, tokens), "noise of a flow decides it all, in any precision"


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_not_in_the_contract_is_refused_by_name(name: str) -> None:
    model = MAKERS[name]()
    for n, steps in ((0, 1), (-1, 1), (2, 0), (2, -1)):
        if n > 0 and model.fixed_steps is not None:
            assert model.sample(n, steps).shape == (n, 3), "steps that cannot be chosen are not looked at"
            continue
        with pytest.raises(ValueError, match=f"`n` is {n} and `steps` is {steps}; both must be at least 1"):
            model.sample(n, steps)
    with pytest.raises(ValueError, match=f"`sampler` is 'other'; a {model.kind} is sampled by {model.SAMPLERS[0]}"):
        model.sample(2, 1, sampler="other")
    with pytest.raises(ValueError, match=r"`keep_states` .* `record`"):
        model.sample(2, 1, keep_states=True)
    noise = model.draw_noise(3, seeded())
    if noise is not None:
        with pytest.raises(ValueError, match=r"`noise` has shape .* n = 2 samples start from"):
            model.sample(2, 1, noise=noise)
        with pytest.raises(ValueError, match=r"`noise` has shape"):
            model.sample(3, 1, noise=noise[..., :-1])
        other = noise.long() if noise.is_floating_point() else noise.float()
        with pytest.raises(ValueError, match=f"`noise` is {other.dtype}; a {model.kind} starts from {noise.dtype}"):
            model.sample(3, 1, noise=other)


def test_a_flow_and_its_perfect_model_draw_the_same_noise() -> None:
    """So that both can be seen to make something of it."""
    drawn = [MAKERS[name]().draw_noise(N, seeded()) for name in ("flow-lm", "flow-map-lm", "perfect flow")]
    assert drawn[0] is not None
    assert all(noise is not None and torch.equal(noise.float(), drawn[0]) for noise in drawn)
    tokens = [MAKERS[name]().draw_noise(N, seeded()) for name in ("uniform", "perfect uniform")]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert torch.equal(tokens[0], tokens[1])


@pytest.mark.parametrize("kind", TRAINED)
def test_dropout_is_off_while_sampling_and_on_again_after(kind: type[LanguageModel]) -> None:
    model = untrained(kind).train()
    for module in model.modules():
        if "dropout" in vars(module):
            setattr(module, "dropout", 0.9)  # noqa: B010  # torch takes only tensors and modules for attributes
    draws = [model.sample(N, STEPS, generator=seeded()) for _ in range(2)]
    assert torch.equal(*draws)
    assert model.training
    assert not model.eval().training
    model.sample(N, STEPS)
    assert not model.training


def test_a_sweep_takes_whatever_keeps_the_contract() -> None:
    class Parrot(TextGenerator):
        """Says the first text of the language, and the second for another sampler."""

        kind = "parrot"
        SAMPLERS = ("first", "second")

        def generate(self, request: Request) -> torch.Tensor:
            return TOY.tokens[self.SAMPLERS.index(request.sampler)].expand(request.n, -1)

    models = {"parrot": Parrot(), "other": Parrot(), "masked": untrained(MaskedLM), "ar": load_perfect("ar", TOY)}
    points = sweep(models, TOY, [1, 9], samplers={"other": "second", "masked": "confidence"}, samples=20)
    cells = {(point.model, point.steps): point for point in points}
    assert [cells[name, 1].texts[0] for name in ("parrot", "other")] == ["a b c", "a c b"]
    assert cells["masked", 9].evaluations == TOY.length, "the most confident first: one a step"
    assert [steps for name, steps in cells if name == "ar"] == [TOY.length]
    with pytest.raises(ValueError, match="`sampler` is 'third'"):
        sweep(models, TOY, [1], samplers={"parrot": "third"}, samples=2)


# --- it is declared in one place ----------------------------------------------------------------

PACKAGE = Path(flm_edu.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PARAMETERS = set(inspect.signature(TextGenerator.sample).parameters) - {"self"}


def test_nothing_else_declares_how_to_sample() -> None:
    """`sample` of a language or a corpus draws texts and takes none of the contract's own parameters."""
    assert {
        "n",
        "steps",
        "generator",
        "noise",
        "sampler",
        "record",
        "keep_states",
        "temperature",
        "top_p",
        "given",
    } == PARAMETERS
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "sample":
                    taken = {a.arg for a in (*method.args.args, *method.args.kwonlyargs)} & PARAMETERS
                    assert path.name == "generator.py" or taken <= {"n", "generator"}, f"{path}: {node.name}"


def test_nobody_asks_what_a_model_can_do() -> None:
    """Every model answers, so no module looks for an attribute that may be missing."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("getattr", "hasattr")
            ):
                asked = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                assert not {"sample", "sampler", "fixed_steps"} & set(asked), f"{path}, line {node.lineno}"


def test_every_kind_is_in_this_file() -> None:
    ours = {kind for kind, model in LanguageModel.KINDS.items() if model.__module__.startswith("flm_edu.")}
    assert ours == {kind.kind for kind in TRAINED}
