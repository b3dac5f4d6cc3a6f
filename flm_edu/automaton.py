"""Languages too large to list: every text is a path through a graph of states, so sums over texts are sums over edges.

A state at a position is what the words before it say of the words to come. The oracle's sums over all texts become one
pass from left to right and one back (forward-backward), in time proportional to the edges, whatever the number of texts.
`flm_edu.compiler` makes the graph from a grammar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from flm_edu.draws import random_uniform
from flm_edu.language import CHUNK, ExactLanguage


@dataclass(frozen=True, eq=False)
class Layer:
    """The edges that write the word of one position, sorted by source and then by word.

    Attributes:
        source: (E,) int64, the state before the word.
        token: (E,) int64, the word; no two edges of a source write the same.
        target: (E,) int64, the state after it.
        log_probability: (E,) float64, of the word given the state.
        states: the number of states before and after the word.
    """

    source: Tensor
    token: Tensor
    target: Tensor
    log_probability: Tensor
    states: tuple[int, int]

    def to(self, device: torch.device) -> Layer:
        """Return the same edges on a device."""
        parts = ("source", "token", "target", "log_probability")
        return replace(self, **{part: getattr(self, part).to(device) for part in parts})


@dataclass(frozen=True, eq=False)
class Automaton(ExactLanguage):
    """A finite language as a graph: its texts are the paths from the one first state to the one last.

    It is deterministic, so a text is one path, and -log p of a text is the sum along it.

    Attributes:
        name: what it is called in tables and provenance.
        words: the vocabulary; the token i is written words[i].
        layers: the edges of each position, L of them.
        origin: how to load it again, kept with every model trained on it; {} for one made in Python.

    Raises:
        ValueError: fewer than two words.
    """

    name: str
    words: tuple[str, ...]
    layers: Sequence[Layer]
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_words()

    @cached_property
    def texts(self) -> int:
        """N, the number of texts."""
        ways = [1]
        for layer in self.layers:
            after = [0] * layer.states[1]
            for source, target in zip(layer.source.tolist(), layer.target.tolist(), strict=True):
                after[target] += ways[source]
            ways = after
        return sum(ways)

    @property
    def states(self) -> int:
        """The number of states, the first and the last among them."""
        return 1 + sum(layer.states[1] for layer in self.layers)

    @property
    def edges(self) -> int:
        """The number of edges."""
        return sum(len(layer.token) for layer in self.layers)

    @property
    def length(self) -> int:
        """L."""
        return len(self.layers)

    @cached_property
    def entropy(self) -> float:
        """Of a whole text, in nats; divide by `length` for nats per token."""
        total, here = 0.0, torch.ones(1, dtype=torch.float64)
        for layer in self.layers:
            mass = here[layer.source] * layer.log_probability.exp()
            total -= float((mass * layer.log_probability).sum())
            here = torch.zeros(layer.states[1], dtype=torch.float64).index_add(0, layer.target, mass)
        return total

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the words, the edges and their probabilities, for provenance."""
        content = hashlib.sha256(repr(self.words).encode())
        for layer in self.layers:
            for part in (layer.source, layer.token, layer.target, layer.log_probability):
                content.update(part.numpy().tobytes())
        return content.hexdigest()[:16]

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw n texts from the language itself, word by word: (n, L) int64 on the CPU."""
        state = torch.zeros(n, dtype=torch.long)
        tokens = torch.empty(n, self.length, dtype=torch.long)
        for position, layer in enumerate(self.layers):
            chance = layer.log_probability.exp().cumsum(0)  # the edges of state k fill the interval from k to k + 1
            drawn = state + random_uniform((n,), generator, "cpu", torch.float64)
            edge = torch.searchsorted(chance, drawn, right=True).clamp_max(len(chance) - 1)
            first, last = self._edges_of(layer, state)
            edge = torch.minimum(torch.maximum(edge, first), last)  # whatever rounding did at an interval's end
            tokens[:, position], state = layer.token[edge], layer.target[edge]
        return tokens

    def _edges_of(self, layer: Layer, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first and the last edge of each state."""
        first = torch.searchsorted(layer.source, state)
        return first, torch.searchsorted(layer.source, state, right=True) - 1

    def negative_log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return -log p of each sample in nats per text: (B, L) -> (B,) float64, infinite outside the language."""
        tokens = tokens.cpu()
        state = torch.zeros(len(tokens), dtype=torch.long)
        surprise = torch.zeros(len(tokens), dtype=torch.float64)
        if tokens.shape[1] != self.length:
            return surprise + torch.inf
        words = ((tokens >= 0) & (tokens < self.vocab_size)).all(1)  # another number would be another state's word
        surprise = surprise.masked_fill(~words, torch.inf)
        for position, layer in enumerate(self.layers):
            wanted = state * self.vocab_size + tokens[:, position]
            keys = layer.source * self.vocab_size + layer.token
            edge = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
            surprise -= torch.where(keys[edge] == wanted, layer.log_probability[edge], -torch.inf)
            state = layer.target[edge]
        return surprise

    def posterior(self, evidence: Tensor) -> Tensor:
        """Return the token marginals when texts weigh p(y) exp(sum_l evidence[b, l, y_l]).

        Shapes: (B, L, V) float64 -> (B, L, V) float64 on the simplex; evidence may be -inf, and samples
        for which every text is impossible give 0 everywhere.

        Source: Baum & Welch 1970 (forward-backward), here over words in place of hidden states.
        """
        return torch.cat([self._marginals(chunk) for chunk in torch.split(evidence, CHUNK)])

    def _on(self, device: torch.device) -> Sequence[Layer]:
        """Return the layers on a device; they are copied there once."""
        if device not in self._copies:
            self._copies[device] = [layer.to(device) for layer in self.layers]
        return self._copies[device]

    @cached_property
    def _copies(self) -> dict[torch.device, Sequence[Layer]]:
        return {torch.device("cpu"): self.layers}

    def _marginals(self, evidence: Tensor) -> Tensor:
        # A constant at each position changes nothing, and small numbers keep their digits.
        top = evidence.amax(-1, keepdim=True)
        evidence = evidence - torch.where(top.isfinite(), top, 0.0)
        layers = self._on(evidence.device)
        before = [evidence.new_zeros(1, len(evidence))]  # (states, B): log of the weight of all ways to a state
        scores = []
        for position, layer in enumerate(layers):
            score = evidence[:, position].T[layer.token] + layer.log_probability[:, None]  # (E, B)
            scores.append(score)
            before.append(_log_sum(score + before[-1][layer.source], layer.target, layer.states[1]))
        total = _log_sum(
            before[-1], torch.zeros(len(before[-1]), dtype=torch.long, device=evidence.device), 1
        )  # (1, B)
        possible = total > -torch.inf
        total = torch.where(possible, total, 0.0)
        after = torch.zeros_like(before[-1])  # (states, B): log of the weight of all ways from a state to the end
        marginals = torch.zeros_like(evidence)
        for position in reversed(range(len(layers))):
            layer = layers[position]
            onward = scores[position] + after[layer.target]
            mass = (onward + before[position][layer.source] - total).exp()
            marginals[:, position] = mass.new_zeros(self.vocab_size, len(evidence)).index_add(0, layer.token, mass).T
            after = _log_sum(onward, layer.source, layer.states[0])
        return torch.where(possible[0, :, None, None], marginals, 0.0)


def _log_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Return log sum exp of the rows that share an index: (E, B), (E,) -> (size, B)."""
    top = values.new_full((size, values.shape[1]), -torch.inf)
    top = top.scatter_reduce(0, index[:, None].expand_as(values), values, "amax")
    top = torch.where(top.isfinite(), top, 0.0)
    return top + torch.zeros_like(top).index_add(0, index, (values - top[index]).exp()).log()
