"""The factorization demonstration: two words that must agree, and what drawing each on its own makes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.language import Language


def factorized_joint(language: Language, steps: int) -> Tensor:
    """Return what perfect masked diffusion makes of a two-token language in a number of steps, exactly.

    Row i, column j is the probability of writing word i and then word j. One step gives the product
    of the marginals; with more steps both positions are still unmasked at once with probability
    1/steps, and only then is the agreement lost.

    Shapes: -> (V, V) float64, summing to 1.

    Raises:
        ValueError: the language has not two tokens, or steps is below 1.
    """
    if language.length != 2 or steps < 1:
        raise ValueError("the demonstration needs a language of two tokens and at least one step")
    joint = exact_joint(language)
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return product / steps + joint * (1 - 1 / steps)


def exact_joint(language: Language) -> Tensor:
    """Return the language itself as a table: (V, V) float64.

    Raises:
        ValueError: the language has not two tokens.
    """
    if language.length != 2:
        raise ValueError("a joint table needs a language of two tokens")
    joint = torch.zeros(language.vocab_size, language.vocab_size, dtype=torch.float64)
    joint[language.tokens[:, 0], language.tokens[:, 1]] = language.probabilities.double()
    return joint
