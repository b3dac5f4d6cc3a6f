"""Some words are given, and the rest is written: exactly by the perfect models, as they can by the trained ones."""

import pytest
import torch

from flm_edu import load_language, load_model
from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.oracle import PERFECT, load_perfect

TALES = load_listed("tales")
SENTENCES = load_listed("sentences")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaps(language: Language, n: int, free: int, seed: int = 0) -> torch.Tensor:
    """A text with this many random gaps: (n, L), the same for all."""
    text = language.sample(1, generator=seeded(seed))[0].clone()
    text[torch.randperm(language.length, generator=seeded(seed))[:free]] = -1
    return text.expand(n, -1)


def conditional(language: Language, given: torch.Tensor) -> Language:
    """The language of the texts that have the given words, listed."""
    keep = ((given < 0) | (language.tokens == given)).all(1)
    mass = language.probabilities[keep]
    return Language("conditional", language.words, language.tokens[keep], mass / mass.sum())


MANY = {"flow": (64, None), "flow-map": (1, None), "masked": (10, "even"), "uniform": (64, None), "ar": (1, None)}


@pytest.mark.parametrize("name", PERFECT)
def test_perfect_models_write_the_conditional_language(name: str) -> None:
    n, (steps, sampler) = 600, MANY[name]
    given = gaps(SENTENCES, n, 5, seed=3)
    truth = conditional(SENTENCES, given[0])
    assert 2 < len(truth) < 100
    tokens = load_perfect(name, SENTENCES).sample(n, steps, sampler=sampler, given=given[0], generator=seeded())
    assert bool(((given < 0) | (tokens == given)).all())
    assert truth.total_variation(tokens) < truth.expected_total_variation(n) + 0.05
    assert truth.validity(tokens) > 0.98


@pytest.mark.parametrize("name", ["flow", "masked", "uniform", "ar"])
def test_each_sample_may_have_words_of_its_own(name: str) -> None:
    given = torch.stack([gaps(SENTENCES, 1, 4, seed)[0] for seed in range(20)])
    tokens = load_perfect(name, SENTENCES).sample(20, 32, given=given, generator=seeded())
    assert bool(((given < 0) | (tokens == given)).all())
    assert SENTENCES.validity(tokens) >= 0.9
    with pytest.raises(ValueError, match="the same for all"):
        load_perfect("flow-map", SENTENCES).sample(20, 1, given=given)


def test_given_words_hold_in_a_language_that_nobody_lists() -> None:
    found = load_language("found")
    given = found.sample(1, generator=seeded())[0].clone()
    given[::2] = -1
    tokens = load_perfect("flow", found).sample(50, 8, given=given, generator=seeded())
    assert bool(((given < 0) | (tokens == given)).all())
    assert found.validity(tokens) > 0.95


TRAINED = [("flm", "ode"), ("flm", "bridge"), ("fmlm", "ode"), ("masked", "even"), ("masked", "ancestral"),
           ("masked", "confidence"), ("uniform", "ancestral"), ("ar", "standard")]  # fmt: skip


@pytest.mark.parametrize(("kind", "sampler"), TRAINED)
def test_trained_models_keep_what_is_given_and_use_it(kind: str, sampler: str) -> None:
    model: TextGenerator = load_model(f"sentences-{kind}")
    n = 200
    given = SENTENCES.sample(n, generator=seeded(1)).clone()
    free = torch.rand(given.shape, generator=seeded(2)) < 0.4
    given[free] = -1
    tokens = model.sample(n, 32, sampler=sampler, given=given, generator=seeded())
    assert bool(((given < 0) | (tokens == given)).all())
    blind = model.sample(n, 32, sampler=sampler, generator=seeded())
    pasted = torch.where(given >= 0, given, blind)
    assert SENTENCES.validity(tokens) > SENTENCES.validity(pasted) + 0.2, "better than words put over another text"
    record = model.sample(n, 32, sampler=sampler, given=given, generator=seeded(), record=True)
    assert torch.equal(record.final_tokens, tokens)


def test_what_cannot_be_given_is_refused() -> None:
    perfect = load_perfect("masked", SENTENCES)
    nothing = torch.full((SENTENCES.length,), -1)
    plain = perfect.sample(5, 4, generator=seeded())
    assert torch.equal(perfect.sample(5, 4, generator=seeded(), given=nothing), plain), "no word is no condition"
    with pytest.raises(ValueError, match="no text of sentences has these words"):
        perfect.sample(5, 4, given=torch.zeros(SENTENCES.length, dtype=torch.long))
    for wrong in (nothing[:-1], nothing.float(), nothing.expand(4, -1)):
        with pytest.raises(ValueError, match="`given` is"):
            perfect.sample(5, 4, given=wrong)
    for value in (-2, SENTENCES.vocab_size):
        with pytest.raises(ValueError, match="`given` has tokens"):
            perfect.sample(5, 4, given=torch.full_like(nothing, value))
