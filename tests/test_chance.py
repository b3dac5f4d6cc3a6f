"""Sampling with chance: the bridge of a flow, and temperature and top-p wherever a word is drawn."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flm_edu import load_model
from flm_edu.draws import sharpen
from flm_edu.grammar import load_listed
from flm_edu.interpolant import bridge, interpolate
from flm_edu.oracle import PerfectAutoregressive, PerfectFlow, PerfectFlowMap, PerfectMasked, PerfectUniform


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(s=st.floats(0, 0.98), gap=st.floats(0.01, 1), seed=st.integers(0, 1000))
def test_a_bridge_leads_from_mixture_to_mixture(s: float, gap: float, seed: int) -> None:
    t, n = s + gap * (1 - s), 20_000
    generator = seeded(seed)
    data = torch.tensor([0.0, 1.0]).expand(n, 1, 2).double()
    times = [torch.full((n,), time, dtype=torch.float64) for time in (s, t)]
    noise = torch.randn(2, n, 1, 2, generator=generator, dtype=torch.float64)
    x_t = bridge(interpolate(noise[0], data, times[0]), data, noise[1], *times)
    error = 5 * (1 - t) / n**0.5 + 1e-9
    assert torch.allclose(x_t.mean(0), t * data[0], atol=error)
    assert torch.allclose(x_t.std(0), torch.full((1, 2), 1 - t, dtype=torch.float64), atol=error)


def test_the_bridge_of_the_perfect_flow_keeps_every_position_right() -> None:
    """In any number of steps, for that positions are drawn apart spoils only what they have in common."""
    language, n = load_listed("drinks"), 20_000
    for steps in (1, 2, 5):
        tokens = PerfectFlow(language).sample(n, steps, sampler="bridge", generator=seeded())
        shares = torch.bincount(tokens[:, 0], minlength=language.vocab_size) / n
        exact = torch.zeros(language.vocab_size, dtype=torch.float64).index_add(
            0, language.tokens[:, 0], language.probabilities
        )
        assert (shares - exact).abs().max() < 4 * (0.25 / n) ** 0.5


def test_many_bridges_write_the_language() -> None:
    language, n = load_listed("sentences"), 2000
    perfect = PerfectFlow(language)
    few, many = (perfect.sample(n, steps, sampler="bridge", generator=seeded()) for steps in (2, 64))
    assert language.total_variation(many) < language.expected_total_variation(n) + 0.02
    assert language.total_variation(many) < language.total_variation(few) - 0.1
    assert language.validity(many) > 0.99


@given(
    weights=st.lists(st.floats(1e-3, 1), min_size=2, max_size=8),
    temperature=st.floats(0.1, 5),
    top_p=st.floats(0.05, 1),
)
def test_sharpening(weights: list[float], temperature: float, top_p: float) -> None:
    p = torch.tensor(weights, dtype=torch.float64)
    p = p / p.sum()
    assert torch.equal(sharpen(p), p)
    sharp = sharpen(p, temperature, top_p)
    assert sharp.sum() == pytest.approx(1)
    kept = sharp > 0
    assert kept.any()
    tempered = sharpen(p, temperature)
    assert float(tempered[kept].sum()) >= top_p - 1e-9, "as much as was asked for"
    assert float(tempered[kept].sum() - tempered[kept].min()) < top_p + 1e-9, "and no word more"
    assert not kept.all() or torch.allclose(sharp, tempered)
    assert torch.equal(sharpen(p, 0.0), torch.eye(len(p), dtype=torch.float64)[p.argmax()])
    assert torch.equal(sharpen(torch.zeros(3), temperature, top_p), torch.zeros(3))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_perfect_map_writes_exact_texts_however_often_noise_is_put_back(steps: int) -> None:
    """A jump from any time of the interpolant to the end lands in the language, with its probabilities."""
    language, n = load_listed("drinks"), 2000
    tokens = PerfectFlowMap(language).sample(n, steps, sampler="renoise", generator=seeded())
    assert language.validity(tokens) == 1
    assert language.total_variation(tokens) < 3 * language.expected_total_variation(n)


def test_noise_put_back_mends_a_trained_map() -> None:
    language, model = load_listed("tales"), load_model("tales-fmlm")
    valid = {k: language.validity(model.sample(300, k, sampler="renoise", generator=seeded())) for k in (1, 4)}
    assert valid[4] > valid[1] + 0.05
    with pytest.raises(ValueError, match="'bridge' or 'renoise'"):
        model.sample(1, 1, temperature=0.5)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-12])
def test_the_coldest_draw_is_the_likeliest_word(temperature: float) -> None:
    assert sharpen(torch.tensor([0.2, 0.5, 0.3]), temperature).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "sampler"), [("flow", "bridge"), ("masked", "even"), ("uniform", "ancestral"), ("ar", None)]
)
def test_colder_texts_are_likelier_and_less_diverse(name: str, sampler: str | None) -> None:
    language = load_listed("drinks")  # of unequal probabilities, and one token: temperature has an exact answer
    kinds = {"flow": PerfectFlow, "masked": PerfectMasked, "uniform": PerfectUniform, "ar": PerfectAutoregressive}
    model, n = kinds[name](language), 4000
    wanted = sharpen(language.probabilities, 0.5)
    tokens = model.sample(n, 1, sampler=sampler, generator=seeded(), temperature=0.5)
    shares = torch.stack([(tokens == text).all(1).double().mean() for text in language.tokens])
    if name != "uniform":  # whose first step still reads its own token
        assert (shares - wanted).abs().max() < 4 * (0.25 / n) ** 0.5
    assert shares.max() > language.probabilities.max() + 0.05
    likeliest = model.sample(50, 1, sampler=sampler, generator=seeded(), temperature=0.0)
    if name != "uniform":
        assert bool((likeliest == language.tokens[language.probabilities.argmax()]).all())
    narrow = model.sample(50, 1, sampler=sampler, generator=seeded(), top_p=0.01)
    assert name == "uniform" or torch.equal(narrow, likeliest)


def test_what_draws_no_word_has_no_temperature() -> None:
    model = load_model("drinks-flm")
    with pytest.raises(ValueError, match="take `sampler` 'bridge'"):
        model.sample(2, 4, temperature=0.5)
    for temperature, top_p in ((-1.0, 1.0), (float("nan"), 1.0), (1.0, 0.0), (1.0, 1.5)):
        with pytest.raises(ValueError, match="they lie in"):
            model.sample(2, 4, sampler="bridge", temperature=temperature, top_p=top_p)
