"""Perfect models against brute force: every sum is done again by listing all texts or all sequences."""

import itertools
import math
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flm_edu import interpolant as ip
from flm_edu.flow import FlowLM
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.language_model import load_model
from flm_edu.objectives import StepContext, flow_matching
from flm_edu.oracle import (
    PERFECT,
    PerfectAutoregressive,
    PerfectFlow,
    PerfectFlowMap,
    PerfectMasked,
    PerfectUniform,
    exact_joint,
    factorized_joint,
    load_perfect,
)
from flm_edu.sampling import Trajectory


@st.composite
def languages(draw: st.DrawFn) -> Language:
    """Random tiny languages: V 2 to 5, L 1 to 4, any weights."""
    size, length = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    everything = list(itertools.product("abcde"[:size], repeat=length))
    texts = draw(st.lists(st.sampled_from(everything), min_size=2, max_size=12, unique=True))
    weights = draw(st.lists(st.floats(0.01, 1), min_size=len(texts), max_size=len(texts)))
    assume_words = {word for text in texts for word in text}
    if len(assume_words) < 2:
        texts, weights = [*texts, ("b",) * length if "a" in assume_words else ("a",) * length], [*weights, 1.0]
    return Language.from_sentences([" ".join(text) for text in texts], weights)


seeds = st.integers(0, 2**31)


def states(language: Language, seed: int, batch: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, language.length, language.vocab_size, generator=generator, dtype=torch.float64)


def bayes(language: Language, likelihood: torch.Tensor) -> torch.Tensor:
    """Token posteriors by direct summation: likelihood (B, N) -> (B, L, V)."""
    joint = likelihood * language.probabilities
    weight = joint / joint.sum(1, keepdim=True)
    return torch.einsum("bn,nlv->blv", weight, ip.one_hot(language.tokens, language.vocab_size, torch.float64))


@settings(max_examples=60, deadline=None)
@given(languages(), seeds, st.floats(0, 0.9))
def test_denoiser_is_bayes(language: Language, seed: int, t: float) -> None:
    """From the Gaussian density of I_t itself, not from the simplified formula."""
    x = states(language, seed)
    corners = ip.one_hot(language.tokens, language.vocab_size, torch.float64)
    distance = (x[:, None] - t * corners).square().sum((-2, -1))  # (B, N)
    log_density = -distance / (2 * (1 - t) ** 2)
    likelihood = (log_density - log_density.amax(1, keepdim=True)).exp()
    exact = PerfectFlow(language).denoiser(x, torch.full((3,), t, dtype=torch.float64))
    assert float((exact - bayes(language, likelihood)).abs().max()) < 1e-10
    assert float((exact.sum(-1) - 1).abs().max()) < 1e-10


@settings(max_examples=30, deadline=None)
@given(languages(), seeds)
def test_at_the_end_the_nearest_text_is_left(language: Language, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corners = ip.one_hot(language.sample(3, generator=generator), language.vocab_size, torch.float64)
    for t in (1.0, 0.99999999):
        posterior = PerfectFlow(language).denoiser(corners, torch.full((3,), t, dtype=torch.float64))
        assert bool(posterior.isfinite().all())
        assert float((posterior - corners).abs().max()) < 1e-10


def jump_times(a: float, b: float, c: float) -> list[torch.Tensor]:
    return [torch.full((3,), value, dtype=torch.float64) for value in sorted((a, b, c))]


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(languages(), seeds, st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0, 1))
def test_flow_map_has_the_semigroup_property(language: Language, seed: int, a: float, b: float, c: float) -> None:
    s, u, t = jump_times(a, b, c)
    x = states(language, seed)
    flow_map = PerfectFlowMap(language, tolerance=1e-9, max_substeps=1024)
    at_once, error = flow_map.solve(x, s, t)
    middle, error_middle = flow_map.solve(x, s, u)
    in_two, error_end = flow_map.solve(middle, u, t)
    settled = (error + error_middle + error_end) < 1e-7  # a sample at the boundary of two texts never settles
    assert float(((at_once - in_two).abs().amax((-2, -1)) * settled).max()) < 1e-5
    composed = ip.compose_two_time_denoisers(
        flow_map.two_time_denoiser(x, s, u), flow_map.two_time_denoiser(middle, u, t), s, u, t
    )
    jumped = ip.flow_map_from_two_time_denoiser(composed, x, s, t)
    assert float(((jumped - at_once).abs().amax((-2, -1)) * settled).max()) < 1e-5


@settings(max_examples=5, deadline=None, phases=[Phase.generate])  # shrinking would solve many more ODEs
@given(languages(), seeds, st.floats(0, 0.5), st.floats(0.55, 0.8))
def test_two_time_denoiser_averages_the_path(language: Language, seed: int, s: float, t: float) -> None:
    """delta_{s,t} is the mean of D_u(X_{s,u}) with the path weight, by Gauss-Legendre in its cumulative."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(48)
    start, end = (torch.full((3,), value, dtype=torch.float64) for value in (s, t))
    x = states(language, seed)
    flow_map = PerfectFlowMap(language, tolerance=1e-6, max_substeps=256)
    delta = flow_map.two_time_denoiser(x, start, end)
    mean = torch.zeros_like(delta)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        # The u with semigroup_weight(s, u, t) = node.
        ratio = node * (t - s) / (1 - t)
        u = torch.full((3,), (s + ratio) / (1 + ratio), dtype=torch.float64)
        mean += weight * flow_map.denoiser(flow_map.flow_map(x, start, u), u)
    assert float((delta - mean).abs().max()) < 1e-5


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(languages(), seeds, st.floats(0, 0.5), st.floats(0.5, 0.9))
def test_error_estimate_is_honest(language: Language, seed: int, s: float, t: float) -> None:
    x = states(language, seed, batch=8)
    start, end = (torch.full((8,), value, dtype=torch.float64) for value in (s, t))
    rough, claimed = PerfectFlowMap(language, tolerance=1e-3).solve(x, start, end)
    fine, settled = PerfectFlowMap(language, tolerance=1e-11, max_substeps=1024).solve(x, start, end)
    actual = (rough - fine).abs().amax((-2, -1))
    sure = settled < 1e-9
    assert bool((actual <= claimed + 1e-8)[sure].all())


def test_who_claims_to_be_sure_ends_in_the_right_corner() -> None:
    """Near the border of two cells coarse grids agree on the wrong text; the way there gives them away."""
    language = Language.from_sentences(["tea", "milk", "juice"], [0.5, 0.3, 0.2])
    x = states(language, 0, batch=1000)
    start, end = torch.zeros(1000, dtype=torch.float64), torch.ones(1000, dtype=torch.float64)
    ends, claimed = PerfectFlowMap(language).solve(x, start, end)
    exact, _ = PerfectFlowMap(language, tolerance=1e-9, max_substeps=1024).solve(x, start, end)
    sure = claimed <= 1e-3
    assert float(sure.double().mean()) > 0.85
    assert float((ends - exact).abs().amax((-2, -1))[sure].max()) < 1e-3


def test_flow_map_at_no_distance_is_the_identity_and_its_denoiser_the_diagonal() -> None:
    language = load_listed("cities")
    x = states(language, 0)
    flow_map = PerfectFlowMap(language)
    for value in (0.0, 0.4, 1.0):
        t = torch.full((3,), value, dtype=torch.float64)
        assert torch.allclose(flow_map.flow_map(x, t, t), x)
        assert torch.equal(flow_map.two_time_denoiser(x, t, t), flow_map.denoiser(x, t))


@pytest.mark.parametrize("arguments", [{"tolerance": 0.0}, {"max_substeps": 4}])
def test_bad_tolerances_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        PerfectFlowMap(load_listed("cities"), **arguments)  # type: ignore[arg-type]


# --- discrete models ----------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(languages(), seeds)
def test_masked_posterior_is_enumeration(language: Language, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(language.vocab_size, (6, language.length), generator=generator)
    tokens[:3] = language.sample(3, generator=generator)
    known = torch.rand(6, language.length, generator=generator) < 0.5
    agrees = ((tokens[:, None] == language.tokens) | ~known[:, None]).all(-1).double()  # (B, N)
    posterior = PerfectMasked(language).posterior(tokens, known)
    possible = agrees.sum(1) > 0
    assert bool(possible[:3].all())
    assert float((posterior[possible] - bayes(language, agrees[possible])).abs().max()) < 1e-10
    assert bool((posterior[~possible] == 0).all())


@settings(max_examples=40, deadline=None)
@given(languages(), seeds, st.floats(0, 0.99))
def test_uniform_posterior_is_enumeration(language: Language, seed: int, alpha: float) -> None:
    tokens = torch.randint(language.vocab_size, (4, language.length), generator=torch.Generator().manual_seed(seed))
    same = (tokens[:, None] == language.tokens).double()
    likelihood = (alpha * same + (1 - alpha) / language.vocab_size).prod(-1)
    posterior = PerfectUniform(language).posterior(tokens, alpha)
    assert float((posterior - bayes(language, likelihood)).abs().max()) < 1e-10


@settings(max_examples=30, deadline=None)
@given(languages())
def test_autoregressive_conditionals_multiply_to_the_language(language: Language) -> None:
    model = PerfectAutoregressive(language)
    total = torch.ones(len(language), dtype=torch.float64)
    for position in range(language.length):
        following = model.posterior(language.tokens[:, :position])
        total *= following.gather(1, language.tokens[:, position : position + 1])[:, 0]
    assert float((total - language.probabilities).abs().max()) < 1e-10


def chi_square(language: Language, tokens: torch.Tensor) -> float:
    """Of the samples' counts against the language, in standard deviations above its mean (Wilson-Hilferty)."""
    index = language.index(tokens)
    assert bool((index >= 0).all())
    expected = language.probabilities * len(tokens)
    statistic = float(((torch.bincount(index, minlength=len(language)) - expected).square() / expected).sum())
    freedom = len(language) - 1
    return ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))


@pytest.mark.parametrize(
    ("name", "steps"), [("ar", 1), ("masked", 4000), ("uniform", 400), ("flow", 64), ("flow-map", 1), ("flow-map", 3)]
)
def test_samples_pass_a_chi_square_test(name: str, steps: int) -> None:
    """With steps enough, every perfect model writes the language, with its unequal probabilities."""
    language = Language.from_sentences(["a b c", "a c b", "b b a", "c c c"], [0.4, 0.3, 0.2, 0.1])
    n = 4000 if steps < 1000 else 1000
    model = load_perfect(name, language)
    tokens = model.sample(n, steps, generator=torch.Generator().manual_seed(0))
    tokens = tokens[language.index(tokens) >= 0]  # the discrete ones leave the language at a rate of 1/steps
    assert len(tokens) > 0.98 * n
    assert chi_square(language, tokens) < 4


@pytest.mark.parametrize("kind", ["masked", "uniform"])
def test_discrete_one_step_is_the_product_of_marginals(kind: str) -> None:
    cities = load_listed("cities")
    tokens = load_perfect(kind, cities).sample(4000, 1, generator=torch.Generator().manual_seed(0))
    assert cities.validity(tokens) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_factorized_joint_is_what_sampling_gives(steps: int) -> None:
    cities = load_listed("cities")
    joint = factorized_joint(cities, steps)
    assert float(joint.sum()) == pytest.approx(1)
    tokens = PerfectMasked(cities).sample(20_000, steps, generator=torch.Generator().manual_seed(steps))
    seen = torch.zeros(4, 4, dtype=torch.float64).index_put_(
        (tokens[:, 0], tokens[:, 1]), torch.tensor(1 / 20_000, dtype=torch.float64), accumulate=True
    )
    assert float((seen - joint).abs().max()) < 0.015
    assert exact_joint(cities).flatten().sort().values.tolist() == [0.0] * 14 + [0.5] * 2
    with pytest.raises(ValueError, match="two tokens"):
        factorized_joint(load_listed("sentences"), 1)


def test_lost_samples_follow_the_documented_rule() -> None:
    """A state that no text agrees with goes on by the marginals of each position."""
    language = Language.from_sentences(["a a", "b b"], [0.75, 0.25])
    model = PerfectMasked(language)
    lost = torch.tensor([[0, 1]])
    posterior = model._defined(model.posterior(lost, torch.ones(1, 2, dtype=torch.bool)))
    assert posterior[0].flatten().tolist() == pytest.approx([0.75, 0.25, 0.75, 0.25])


# --- what they have in common -------------------------------------------------------------------


@pytest.mark.parametrize("name", list(PERFECT))
def test_they_sample_as_trained_models_do(name: str) -> None:
    language = load_listed("cities")
    model = load_perfect(f"perfect:{name}", language)
    draws = [model.sample(6, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0)]
    assert torch.equal(*draws)
    assert draws[0].shape == (6, 2)
    trajectory = model.sample(6, 3, generator=torch.Generator().manual_seed(0), record=True)
    assert isinstance(trajectory, Trajectory)
    assert torch.equal(trajectory.final_tokens, draws[0])
    assert trajectory.tokens.shape == trajectory.confidences.shape
    assert trajectory.tau.shape == (len(trajectory.tokens),)
    assert torch.equal(trajectory.likelihoods[..., 0], trajectory.confidences)
    assert float(trajectory.likelihoods.sum(-1).max()) < 1 + 1e-6
    assert torch.equal(trajectory.likeliest[-1, ..., 0], draws[0])
    assert len(model.decode(draws[0])) == 6
    for n, steps in ((0, 1), (1, -1)):
        if not (name == "ar" and n):
            with pytest.raises(ValueError, match="at least 1"):
                model.sample(n, steps)


def test_unknown_names_are_refused() -> None:
    for name in ("perfect:gpt", "perfect:masked@uniform", "perfect:flow@linear"):
        with pytest.raises(ValueError, match="unknown"):
            load_perfect(name, load_listed("cities"))


def test_floor_agrees_with_the_mean_log_probability() -> None:
    """The same number by its other definition: -log of the posterior at the token that was really there."""
    language = load_listed("sentences")
    flow = PerfectFlow(language)
    tau = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
    floor, error = flow.cross_entropy_floor(tau, samples=1000, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    for value, mean, deviation in zip(tau, floor, error, strict=True):
        tokens = language.sample(1000, generator=generator)
        data = ip.one_hot(tokens, language.vocab_size, torch.float64)
        t = flow.schedule.t(value.expand(1000))
        noise = torch.randn(data.shape, generator=generator, dtype=torch.float64)
        posterior = flow.denoiser(ip.interpolate(noise, data, t), t)
        log_loss = -posterior.gather(-1, tokens[..., None])[..., 0].log().mean(-1)
        spread = math.hypot(float(log_loss.std()) / math.sqrt(1000), float(deviation))
        assert abs(float(log_loss.mean() - mean)) < 4 * spread
    at_start, _ = flow.cross_entropy_floor(torch.zeros(1, dtype=torch.float64), samples=10)
    marginal = (
        ip.one_hot(language.tokens, language.vocab_size, torch.float64)
        .mul(language.probabilities[:, None, None])
        .sum(0)
    )
    assert float(at_start) == pytest.approx(float(torch.special.entr(marginal).sum(-1).mean()), abs=1e-9)


# --- trained models against it ------------------------------------------------------------------


@pytest.mark.slow
def test_trained_denoiser_converges_to_the_exact_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The gap between the loss and the floor is the mean KL(exact || trained), printed per bin of tau."""
    language = load_listed("sentences")
    model, perfect = FlowLM.from_pretrained("sentences-flm"), PerfectFlow(load_listed("sentences"))
    generator = torch.Generator().manual_seed(0)
    gaps, losses, floors = [], [], []
    for tau_bin in range(8):
        tau = (tau_bin + torch.rand(512, generator=generator)) / 8
        t = model.schedule.t(tau)
        tokens = language.sample(512, generator=generator)
        data = ip.one_hot(tokens, language.vocab_size)
        x = ip.interpolate(torch.randn(data.shape, generator=generator), data, t)
        exact = perfect.denoiser(x, t)
        with torch.no_grad():
            log_trained = model.logits(x, tau).double().log_softmax(-1)
        gaps.append((torch.xlogy(exact, exact) - exact * log_trained).sum(-1).mean(-1))
        losses.append(-log_trained.gather(-1, tokens[..., None])[..., 0].mean(-1))
        floors.append(torch.special.entr(exact).sum(-1).mean(-1))
    with capsys.disabled():
        print("\nmean KL of the trained denoiser to the exact one, nats per token, by tau:")
        for tau_bin, gap in enumerate(gaps):
            print(f"  {tau_bin / 8:.3f}-{(tau_bin + 1) / 8:.3f}  {float(gap.mean()):.5f}")
    gap, loss, floor = torch.cat(gaps), torch.cat(losses), torch.cat(floors)
    difference = loss - floor - gap  # zero in the mean: the exact posterior is calibrated
    assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(len(difference))
    assert 0 < float(gap.mean()) < 0.01
    whole, error = perfect.cross_entropy_floor(samples=4096, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained = flow_matching(model, language.sample(4096, generator=generator), StepContext(generator)).loss
    assert float(trained) > float(whole) - 4 * float(error)


@pytest.mark.slow
def test_the_shipped_flow_map_lands_where_the_exact_one_does() -> None:
    """Same noise, same text: most one-step samples of the trained flow map are those of the exact flow map."""
    language = load_listed("sentences")
    trained = load_model("sentences-fmlm").sample(500, 1, generator=torch.Generator().manual_seed(0))
    exact = PerfectFlowMap(language).sample(500, 1, generator=torch.Generator().manual_seed(0))
    assert language.validity(exact) > 0.995
    assert float((trained == exact).all(-1).double().mean()) > 0.6


@pytest.mark.alone
@pytest.mark.slow
def test_twenty_thousand_texts_fit_in_time_and_memory() -> None:
    """20,000 texts of 32 tokens, 1,000 samples, 32 steps: at most 2 GB more, and 30 s on two cores."""
    if sys.platform == "win32":
        return  # it does not say how much memory a process had at most
    code = """
import resource, time, torch
from flm_edu.language import Language
from flm_edu.oracle import PerfectFlow
generator = torch.Generator().manual_seed(0)
tokens = torch.unique(torch.randint(60, (20_000, 32), generator=generator), dim=0)
words = tuple(f"w{i}" for i in range(60))
language = Language("large", words, tokens, torch.full((len(tokens),), 1 / len(tokens), dtype=torch.float64))
flow = PerfectFlow(language)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
samples = flow.sample(1000, 32, generator=generator)
seconds = time.perf_counter() - started
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
print(f"{seconds:.1f} s, {grown:.2f} GB more, {language.validity(samples):.3f} valid")
assert grown < 2 and seconds < 30 and language.validity(samples) > 0.99
"""
    started = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, f"{result.stdout}{result.stderr} after {time.perf_counter() - started:.0f} s"
    print(result.stdout)
