"""The distance from an optimum is 0 for the optimum itself, and what cross-entropy has above its floor on average."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu import load_language, load_model
from flm_edu.evaluation.optima import excess
from flm_edu.flow import FlowLM
from flm_edu.interpolant import interpolate_tokens
from flm_edu.language import ExactLanguage, draw_training_texts
from flm_edu.network import NetworkConfig
from flm_edu.oracle import PerfectFlow

TAU = torch.tensor([0.1, 0.5, 0.9])


class Knowing(FlowLM):
    """A network that is the optimum of a language."""

    kind = "knowing-flow-lm"
    optimum: PerfectFlow

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        return self.optimum.denoiser(x, self.schedule.t(tau)).clamp_min(1e-30).log().float()


def knowing(language: ExactLanguage) -> Knowing:
    model = Knowing(NetworkConfig(language.vocab_size, language.length, width=8, blocks=1, heads=1))
    model.optimum = PerfectFlow(language)
    return model


def test_the_two_optima_are_at_no_distance_from_themselves() -> None:
    found = load_language("found")
    few = draw_training_texts(found, 30, 0)
    texts = found.sample(50, generator=torch.Generator().manual_seed(0))
    for own, other in ((found, few), (few, found)):
        near, _ = excess(knowing(own), PerfectFlow(own), texts, TAU, generator=torch.Generator().manual_seed(1))
        far, _ = excess(knowing(own), PerfectFlow(other), texts, TAU, generator=torch.Generator().manual_seed(1))
        assert near.abs().max() < 1e-4
        assert far.min() > 0.1


def test_it_is_the_cross_entropy_above_the_floor() -> None:
    language, model = load_language("sentences"), load_model("sentences-flm")
    assert isinstance(model, FlowLM)
    perfect, generator = PerfectFlow(language), torch.Generator().manual_seed(0)
    tokens = language.sample(4000, generator=generator)
    distance, error = excess(model, perfect, tokens, TAU, generator=generator)
    floor, floor_error = perfect.cross_entropy_floor(TAU, samples=4000, generator=generator)
    for i, tau in enumerate(TAU.tolist()):
        clock = torch.full((len(tokens),), tau)
        noise = torch.randn(*tokens.shape, language.vocab_size, generator=generator)
        with torch.no_grad():
            logits = model.logits(interpolate_tokens(noise, tokens, model.schedule.t(clock)), clock)
        surprise = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none").mean(1)
        spread = (error[i] ** 2 + floor_error[i] ** 2 + surprise.std() ** 2 / len(tokens)) ** 0.5
        assert abs(float(surprise.mean() - floor[i] - distance[i])) < 4 * float(spread)


def test_a_flow_map_is_measured_on_its_diagonal() -> None:
    language = load_language("sentences")
    texts = language.sample(100, generator=torch.Generator().manual_seed(0))
    for name in ("sentences-flm", "sentences-fmlm"):
        distance, error = excess(load_model(name), PerfectFlow(language), texts, TAU)  # type: ignore[arg-type]
        assert distance.shape == error.shape == (3,)
        assert 0 < float(distance.mean()) < 0.1


def test_dropout_is_off_and_one_text_is_refused() -> None:
    language = load_language("cities")
    model = FlowLM(NetworkConfig(language.vocab_size, language.length, width=8, blocks=1, heads=1, dropout=0.5)).train()
    for parameter in model.parameters():  # a fresh network starts with outputs of zero
        torch.nn.init.normal_(parameter, std=0.5, generator=torch.Generator().manual_seed(0))
    texts = language.sample(20, generator=torch.Generator().manual_seed(0))
    twice = [
        excess(model, PerfectFlow(language), texts, TAU, generator=torch.Generator().manual_seed(1))[0] for _ in "ab"
    ]
    assert torch.equal(*twice)
    assert model.training
    with pytest.raises(ValueError, match="at least 2"):
        excess(model, PerfectFlow(language), texts[:1], TAU)
