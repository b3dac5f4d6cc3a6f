"""The trained families against the exact models of a finite language: bounds, likelihoods, samplers."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from flm_edu.baselines import AutoregressiveLM, MaskedLM, UniformLM
from flm_edu.baselines.autoregressive import next_token
from flm_edu.baselines.masked import hide, masked_diffusion
from flm_edu.baselines.uniform import UniformDiffusion, corrupt, uniform_bound, uniform_diffusion
from flm_edu.discrete import denoise_uniform, unmask
from flm_edu.draws import categorical, random_tokens
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.network import NetworkConfig
from flm_edu.objectives import Objective, StepContext
from flm_edu.oracle import PerfectAutoregressive, PerfectMasked, PerfectUniform
from flm_edu.sampling import Trajectory
from flm_edu.training import TrainConfig, Trainer

FAMILIES: dict[type[LanguageModel], Objective] = {
    AutoregressiveLM: next_token,
    MaskedLM: masked_diffusion,
    UniformLM: UniformDiffusion(),
}


def tiny(kind: type[LanguageModel], language: Language) -> Any:
    """A small untrained model whose outputs differ."""
    torch.manual_seed(0)
    network = NetworkConfig(language.vocab_size, language.length, 16, 2, 2, 16, absolute_positions=True)
    model = kind(network, language.tokenizer)
    for name, parameter in model.named_parameters():
        if "modulation" in name or "head.linear" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def exact(language: Language, logits: Any) -> Any:
    """A stand-in for a model whose network knows everything."""
    return SimpleNamespace(config=SimpleNamespace(vocab_size=language.vocab_size), logits=logits)


@pytest.mark.parametrize("kind", FAMILIES)
def test_same_seed_same_tokens_and_the_directory_holds_all(
    kind: type[LanguageModel], language: Language, tmp_path: Any
) -> None:
    model = tiny(kind, language)
    model.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    assert type(again) is kind
    assert again.config == model.config
    draws = [m.sample(6, 2, generator=torch.Generator().manual_seed(3)) for m in (model, model, again)]
    assert draws[0].shape == (6, 3)
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])
    seen = model.sample(6, 2, generator=torch.Generator().manual_seed(3), record=True)
    assert isinstance(seen, Trajectory)
    assert torch.equal(seen.final_tokens, draws[0])
    assert len(seen.tau) == len(seen.tokens) == (model.fixed_steps or 2) + 1
    assert bool(((seen.confidences >= 0) & (seen.confidences <= 1)).all())
    if model.fixed_steps is None:
        with pytest.raises(ValueError, match="`steps` is 0"):
            model.sample(6, 0)


def test_draws_follow_the_distribution_and_never_take_the_impossible(generator: torch.Generator) -> None:
    p = torch.tensor([0.0, 0.5, 0.0, 1.0, 0.5, 0.0])
    tokens = categorical(p.expand(40_000, 6), generator)
    share = torch.bincount(tokens, minlength=6) / 40_000
    assert share[p == 0].sum() == 0
    assert torch.allclose(share, p / 2, atol=0.01)  # four standard errors


# --- autoregression -----------------------------------------------------------------------------


def test_exact_conditionals_have_the_likelihood_of_the_language(language: Language) -> None:
    perfect = PerfectAutoregressive(language)

    def logits(tokens: torch.Tensor) -> torch.Tensor:
        return torch.stack([perfect.posterior(tokens[:, :i]) for i in range(3)], dim=1).log()

    rows = language.tokens[torch.tensor([0, 0, 1, 2])]  # in their proportions
    loss = next_token(exact(language, logits), rows, StepContext()).loss
    assert float(loss) == pytest.approx(language.entropy / 3, abs=1e-6)


def test_a_token_depends_on_those_before_it_and_the_cache_changes_nothing(language: Language) -> None:
    model = tiny(AutoregressiveLM, language)
    tokens = language.tokens
    with torch.no_grad():
        full = model.logits(tokens)
        changed = tokens.clone()
        changed[:, 1] = (changed[:, 1] + 1) % 3
        other = model.logits(changed)
        assert torch.equal(full[:, :2], other[:, :2])  # the second token is first read for the third
        assert not torch.allclose(full[:, 2], other[:, 2])
        memory, last, parts = model.network.new_memory(), model._start(3), []
        for position in range(3):
            parts.append(model.network(last, torch.zeros(1), memory=memory))
            last = tokens[:, position : position + 1]
        assert torch.allclose(torch.cat(parts, dim=1), full, atol=1e-5)
        nll = model.negative_log_likelihood(tokens)
        assert float(nll.mean()) / 3 == pytest.approx(float(next_token(model, tokens, StepContext()).loss), abs=1e-6)


def test_left_to_right_samples_have_the_models_own_likelihood(language: Language) -> None:
    """All 27 texts of three tokens: how often each is drawn is what the model says."""
    model = tiny(AutoregressiveLM, language)
    texts = torch.cartesian_prod(*[torch.arange(3)] * 3)
    with torch.no_grad():
        p = (-model.negative_log_likelihood(texts)).exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    tokens = model.sample(20_000, 1, generator=torch.Generator().manual_seed(0))
    share = torch.bincount(tokens @ torch.tensor([9, 3, 1]), minlength=27) / 20_000
    assert bool(((share - p).abs() < 4.5 * (p * (1 - p) / 20_000) ** 0.5).all())


# --- masked diffusion ---------------------------------------------------------------------------


def test_the_masked_bound_is_tight_for_the_exact_posterior(language: Language, generator: torch.Generator) -> None:
    perfect = PerfectMasked(language)
    model = exact(language, lambda tokens, known: perfect.posterior(tokens, known).log())
    rows = language.sample(100_000, generator=generator)
    assert float(masked_diffusion(model, rows, StepContext(generator)).loss) == pytest.approx(
        language.entropy / 3, abs=0.01
    )


def test_known_tokens_stay_and_hidden_ones_are_not_read(language: Language, generator: torch.Generator) -> None:
    model = tiny(MaskedLM, language)
    tokens, known = language.tokens, torch.tensor([[True, False, True]]).expand(3, 3)
    posterior = model.posterior(tokens, known)
    assert torch.equal(posterior[known].argmax(-1), tokens[known])
    assert torch.equal(posterior[known].max(-1).values, torch.ones(6))
    other = tokens.clone()
    other[:, 1] = (other[:, 1] + 1) % 3
    assert torch.equal(model.posterior(other, known), posterior)
    share = torch.linspace(0, 1, 4000)
    hidden = ~hide(torch.zeros(4000, 50, dtype=torch.long), share, generator)
    assert torch.allclose(hidden.float().mean(1).view(10, 400).mean(1), share.view(10, 400).mean(1), atol=0.02)


@pytest.mark.parametrize("order", ["ancestral", "even", "confidence"])
@pytest.mark.parametrize("steps", [1, 2, 3, 40])
def test_unmasking_reads_again_only_what_changed(order: Any, steps: int, generator: torch.Generator) -> None:
    language = Language.from_sentences(["a b c d e", "e d c b a"])
    perfect, calls = PerfectMasked(language), []

    def posterior(tokens: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        calls.append(int(known.sum()))
        return perfect._defined(perfect.posterior(tokens, known))

    tokens = unmask(posterior, (1, 5), steps, generator, order=order)
    assert len(calls) == len(set(calls)) <= min(steps, 5)
    if steps == 40 and order != "ancestral":  # one at a time: the first draw decides the text
        assert language.validity(tokens) == 1  # type: ignore[arg-type]


def test_confidence_writes_what_is_sure_before_what_is_not() -> None:
    """The second word is certain, the first is not: in two steps the certain one comes first, always."""
    language = Language.from_sentences(["a c", "b c"])
    perfect = PerfectMasked(language)
    known_first: list[torch.Tensor] = []

    def posterior(tokens: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        known_first.append(known.clone())
        return perfect._defined(perfect.posterior(tokens, known))

    unmask(posterior, (50, 2), 2, torch.Generator().manual_seed(0), order="confidence")
    assert bool((known_first[1] == torch.tensor([False, True])).all())


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 12])
def test_even_fills_equal_shares_at_random_places_the_fewest_first(steps: int, generator: torch.Generator) -> None:
    """Of seven blanks in every step floor or ceiling of 7 / steps, as often at each place; none is left."""
    perfect, length = PerfectMasked(Language.from_sentences(["a b c d e f g"])), 7
    seen = perfect.sample(2000, steps, sampler="even", generator=generator, record=True, keep_states=True)
    assert seen.states is not None
    known = seen.states.sum(-1) > 0  # (steps + 1, N, L)
    filled = known.sum(-1).diff(dim=0)  # (steps, N)
    assert set(filled.unique().tolist()) <= {length // steps, -(-length // steps)}
    assert bool((filled[0] == length // steps).all())
    assert bool(known[-1].all())
    share = known[1].float().mean(0)
    assert torch.allclose(share, torch.full((length,), length // steps / length), atol=0.05)


def test_two_words_that_must_agree_are_written_evenly_in_two_steps() -> None:
    cities = load_listed("cities")
    perfect = PerfectMasked(cities)
    one, two = (perfect.sample(1000, n, sampler="even", generator=torch.Generator().manual_seed(0)) for n in (1, 2))
    assert cities.validity(one) == pytest.approx(0.5, abs=0.06)
    assert cities.validity(two) == 1
    assert cities.total_variation(two) < 0.06


# --- uniform diffusion --------------------------------------------------------------------------


def test_the_uniform_bound_is_tight_for_the_exact_context(language: Language, generator: torch.Generator) -> None:
    """And it is the context that makes it so: the posterior itself is worse by far."""
    perfect = PerfectUniform(language)
    rows, alpha = language.sample(6000, generator=generator), (torch.arange(6000) + 0.5) / 6000
    noisy = corrupt(rows, alpha, 3, generator)
    context = torch.cat([perfect.context(x[None], float(a)) for x, a in zip(noisy, alpha, strict=True)])
    posterior = torch.cat([perfect.posterior(x[None], float(a)) for x, a in zip(noisy, alpha, strict=True)])
    bound = uniform_bound(context.log(), rows, noisy, alpha.double())
    error = float(bound.mean(-1).std()) / 6000**0.5
    assert float(bound.min()) > -1e-6
    assert float(bound.mean()) == pytest.approx(language.entropy / 3, abs=4 * error)
    assert error < 0.02
    assert float(uniform_bound(posterior.log(), rows, noisy, alpha.double()).mean()) > language.entropy / 3 + 8 * error


def test_alphas_drawn_more_often_near_1_weigh_as_much_less(language: Language, generator: torch.Generator) -> None:
    """The mean over alphas spread evenly is what the loss estimates, for any model."""
    model, rows = tiny(UniformLM, language), language.sample(100_000, generator=generator)
    alpha = (torch.arange(100_000) + 0.5) / 100_000
    noisy = corrupt(rows, alpha, 3, generator)
    with torch.no_grad():
        each = uniform_bound(model.logits(noisy, alpha), rows, noisy, alpha).mean(-1)
        loss = uniform_diffusion(model, rows, generator).loss
    assert float(loss) == pytest.approx(float(each.mean()), abs=5 * float(each.std()) / 100_000**0.5)


def test_tokens_are_soft_at_first_and_hard_in_the_end(language: Language) -> None:
    """What the network is shown: states between the corners, ever nearer to them, then tokens."""
    shown: list[torch.Tensor] = []
    model = tiny(UniformLM, language)
    model.network.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0]))
    objective = UniformDiffusion(until=0.5)
    Trainer(model, language, objective, TrainConfig(steps=8, batch=512, warmup=1, precision="float32")).run()
    assert [x.dtype.is_floating_point for x in shown] == [True] * 4 + [False] * 4
    largest = [float(x.max(-1).values.mean()) for x in shown[:4]]
    assert largest == sorted(largest)
    assert largest[0] < 0.9
    assert all(torch.allclose(x.sum(-1), torch.ones(512, 3)) for x in shown[:4])


@pytest.mark.parametrize("vocab_size", [29, 58, 2048, 30522])
def test_tokens_are_as_soft_in_any_vocabulary(vocab_size: int, generator: torch.Generator) -> None:
    """Halfway to the clean text the largest weight is between a tenth and three tenths, and the clean one has some."""
    model = UniformLM(NetworkConfig(vocab_size, 1, 8, 1, 1, 1))
    t = float(model.schedule.t(torch.tensor(0.5)))
    state = (1 - t) * torch.randn(200, vocab_size, generator=generator)
    state[:, 0] += t
    soft = (state / UniformDiffusion().temperature(model, progress=0.0)).softmax(-1)
    assert 0.1 < float(soft.max(-1).values.mean()) < 0.3
    assert float(soft[:, 0].mean()) > 3 * float(soft[:, 1:].mean())


def test_soft_options_out_of_range_are_named() -> None:
    for options in ({"softness": -1.0}, {"softness": math.nan}, {"until": 0.0}, {"until": 1.5}):
        with pytest.raises(ValueError, match=next(iter(options))):
            UniformDiffusion(**options)


def test_the_uniform_bound_is_its_definition(generator: torch.Generator) -> None:
    """Term by term over all tokens, in float64."""
    logits, alpha = torch.randn(5, 4, 6, generator=generator).double(), torch.linspace(0.05, 0.95, 5).double()
    clean, noisy = (torch.randint(6, (5, 4), generator=generator) for _ in range(2))
    a = alpha[:, None, None]
    p = (1 - a) / 6 + a * logits.softmax(-1)
    q = (1 - a) / 6 + a * torch.nn.functional.one_hot(clean, 6)
    p_rate, q_rate = (m / m.gather(-1, noisy[..., None]) for m in (p, q))
    expected = (p_rate - q_rate + q_rate * (q_rate / p_rate).log()).sum(-1) / (6 * alpha[:, None])
    assert torch.allclose(uniform_bound(logits, clean, noisy, alpha), expected, rtol=1e-9)
    assert torch.allclose(
        uniform_bound(logits.float(), clean, noisy, alpha.float()).double(), expected, rtol=1e-3, atol=1e-5
    )


def test_uniform_corruption_is_the_argmax_of_the_gaussian_interpolant(generator: torch.Generator) -> None:
    """The Diffusion Duality: with alpha = tau(t), both keep a token equally often."""
    from flm_edu.interpolant import interpolate, one_hot
    from flm_edu.schedule import DecodingErrorSchedule

    size, tau = 7, torch.full((40_000,), 0.4)
    clean = torch.zeros(40_000, 1, dtype=torch.long)
    state = interpolate(
        torch.randn(40_000, 1, size, generator=generator), one_hot(clean, size), DecodingErrorSchedule(size).t(tau)
    )
    kept = [float((x == clean).float().mean()) for x in (state.argmax(-1), corrupt(clean, tau, size, generator))]
    expected = 0.4 + 0.6 / size
    assert kept == pytest.approx([expected, expected], abs=0.01)


def test_a_greedy_tail_takes_the_likeliest_token() -> None:
    prior = torch.tensor([0.2, 0.7, 0.1]).expand(50, 2, 3)
    noise = random_tokens((50, 2), 3, torch.Generator().manual_seed(1), "cpu")
    tokens = denoise_uniform(lambda x, a: prior, noise, 3, 1, torch.Generator().manual_seed(0), greedy_tail=True)
    assert bool((tokens == 1).all())  # type: ignore[union-attr]
    drawn = denoise_uniform(lambda x, a: prior, noise, 3, 1, torch.Generator().manual_seed(0))
    assert not bool((drawn == 1).all())  # type: ignore[union-attr]


# --- trained ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAMILIES)
def test_training_reaches_the_entropy_and_the_perfect_sampler(kind: type[LanguageModel], language: Language) -> None:
    """A toy that 300 steps learn: what is minimised comes to the entropy, and samples are the perfect model's."""
    torch.manual_seed(0)
    network = NetworkConfig(language.vocab_size, language.length, 32, 2, 2, 16, absolute_positions=True)
    model, objective = kind(network, language.tokenizer), FAMILIES[kind]
    Trainer(model, language, objective, TrainConfig(steps=300, batch=64, warmup=20, ema=0.98)).run()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        # Uniform diffusion's bound is heavy-tailed near alpha = 1: 20,000 texts leave an error of 0.012 or more.
        bound = model.likelihood_bound(language.sample(200_000, generator=generator), generator)
    assert bound is not None
    loss = float(bound)
    assert loss == pytest.approx(language.entropy / 3, abs=0.05)
    perfect = {AutoregressiveLM: PerfectAutoregressive, MaskedLM: PerfectMasked, UniformLM: PerfectUniform}[kind]
    ours, limit = (
        language.validity(m.sample(4000, 2, generator=torch.Generator().manual_seed(2)))
        for m in (model, perfect(language))  # type: ignore[attr-defined]
    )
    assert ours == pytest.approx(limit, abs=0.04)
