"""Guidance at scale 1 is the flow itself, and of perfect flows it has an exact answer to be measured against."""

import pytest
import torch

from flm_edu import load_model
from flm_edu.grammar import load_listed
from flm_edu.guidance import GuidedFlow
from flm_edu.oracle import PerfectFlow
from flm_edu.sampling import FlowGenerator


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["sentences-flm", "sentences-fmlm"])
def test_the_ends_of_the_scale_are_the_two_flows(name: str) -> None:
    strong = load_model(name)
    assert isinstance(strong, FlowGenerator)
    weak = PerfectFlow(load_listed("sentences"))
    for scale, own in ((0.0, weak), (1.0, strong)):
        noise = strong.draw_noise(6, seeded())
        guided = GuidedFlow(strong, weak, scale).sample(6, 4, noise=noise)
        assert torch.equal(guided, own.sample(6, 4, noise=noise.to(own.draw_noise(1, None).dtype)))


def test_a_tilted_language_is_what_its_reward_prefers() -> None:
    """Its perfect flow writes texts by their tilted probabilities."""
    language = load_listed("drinks")
    tilted = language.tilted(lambda text: 2.0 if text == "juice" else 0.0)
    weight = {"tea": 5.0, "milk": 3.0, "juice": 2 * torch.tensor(2.0).exp().item()}
    for text, p in zip(tilted.decode(tilted.tokens), tilted.probabilities.tolist(), strict=True):
        assert p == pytest.approx(weight[text] / sum(weight.values()))
    tokens = PerfectFlow(tilted).sample(2000, 64, generator=seeded())
    assert tilted.total_variation(tokens) < 4 * tilted.expected_total_variation(2000)
    only = language.tilted(lambda text: 0.0 if text == "tea" else -torch.inf)
    assert (len(only), only.words) == (1, language.words)
    with pytest.raises(ValueError, match="not minus infinity for every text"):
        language.tilted(lambda text: -torch.inf)
    with pytest.raises(ValueError, match="below infinity"):
        language.tilted(lambda text: torch.nan)


def test_guidance_by_a_reward_goes_beyond_the_tilted_language() -> None:
    language = load_listed("drinks")
    tilted = PerfectFlow(language.tilted(lambda text: float(text == "juice")))
    shares = []
    for scale in (0.0, 1.0, 3.0):
        tokens = GuidedFlow(tilted, PerfectFlow(language), scale).sample(1000, 32, generator=seeded())
        shares.append(sum(text == "juice" for text in language.decode(tokens)) / 1000)
    assert shares[0] < shares[1] - 0.1 < shares[2] - 0.2


def test_two_that_do_not_belong_together_are_refused() -> None:
    drinks, cities = PerfectFlow(load_listed("drinks")), PerfectFlow(load_listed("cities"))
    with pytest.raises(ValueError, match="write other texts"):
        GuidedFlow(drinks, cities, 2)
    with pytest.raises(ValueError, match="different clocks"):
        GuidedFlow(drinks, PerfectFlow(load_listed("drinks"), "uniform"), 2)
