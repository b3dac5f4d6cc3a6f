"""The likelihood of a flow is the exact one where the denoiser is exact, and above the entropy elsewhere."""

import pytest
import torch

from flm_edu import load_language, load_model
from flm_edu.draws import stratified
from flm_edu.evaluation import sweep
from flm_edu.flow import FlowModel
from flm_edu.grammar import load_listed
from flm_edu.language_model import LanguageModel
from flm_edu.likelihood import flow_surprise
from flm_edu.oracle import PerfectFlow


def estimate(draws: torch.Tensor) -> tuple[float, float]:
    return float(draws.mean()), float(draws.std() / len(draws) ** 0.5)


@pytest.mark.parametrize(("name", "draws"), [("cities", 20_000), ("sentences", 20_000), ("found", 2000)])
def test_the_perfect_flow_has_the_entropy_of_its_language(name: str, draws: int) -> None:
    language = load_language(name)
    generator = torch.Generator().manual_seed(0)
    tokens, perfect = language.sample(draws, generator=generator), PerfectFlow(language)
    parts = [flow_surprise(perfect.denoiser, part, language.vocab_size, generator) for part in tokens.split(500)]
    mean, error = estimate(torch.cat(parts))
    assert abs(mean - language.entropy) < 3 * error
    assert error < 0.04 * language.entropy


def test_each_text_has_its_own() -> None:
    """Not only the mean over texts: rare texts surprise more."""
    language = load_listed("drinks")
    perfect, generator = PerfectFlow(language), torch.Generator().manual_seed(0)
    exact = language.negative_log_likelihood(language.tokens)
    assert exact.max() > exact.min() + 0.3
    for text, surprise in zip(language.tokens, exact.tolist(), strict=True):
        draws = flow_surprise(perfect.denoiser, text.expand(20_000, -1), language.vocab_size, generator)
        mean, error = estimate(draws)
        assert abs(mean - surprise) < 3 * error
        assert error < 0.03


@pytest.mark.parametrize("name", ["sentences-flm", "sentences-fmlm"])
def test_a_trained_flow_is_bounded_from_below_by_the_entropy(name: str) -> None:
    language, model = load_language("sentences"), load_model(name)
    assert isinstance(model, FlowModel)
    tokens = language.sample(4000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        draws = flow_surprise(model.denoiser, tokens, model.vocab_size, torch.Generator().manual_seed(1)) / model.length
    mean, error = estimate(draws)
    assert mean > language.entropy / language.length - 3 * error
    assert mean < language.entropy / language.length + 0.05 + 3 * error


def test_a_sweep_has_it_for_every_family() -> None:
    names = ("sentences-flm", "sentences-fmlm", "sentences-masked", "sentences-uniform", "sentences-ar")
    models: dict[str, LanguageModel] = {name: load_model(name) for name in names}
    points = sweep(models, load_language("sentences"), [1], samples=100)[1:]
    assert all(point.likelihood_bound is not None and 0.5 < point.likelihood_bound < 0.8 for point in points)
    assert [point.likelihood_error is None for point in points] == [False, False, False, False, True]


def test_the_last_draw_of_a_large_batch_is_finite() -> None:
    """Of 10,000 stratified times in float32 one may round to 1, where the signal-to-noise ratio is infinite."""
    times = stratified(10_000, torch.Generator().manual_seed(609), torch.device("cpu"))
    assert times.max() < 1
    tokens = torch.zeros(10_000, 1, dtype=torch.long)
    generator = torch.Generator().manual_seed(609)
    surprise = flow_surprise(lambda x, t: x.softmax(-1), tokens, 2, generator)
    assert bool(surprise.isfinite().all())
