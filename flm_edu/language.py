"""Finite languages: every text and its probability is known, so every claim about a model can be checked.

A language is a table of N token sequences of length L with probabilities. It is read from a grammar
(data/languages/README.md describes the format) or made from a list of sentences.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.files import data_dir
from flm_edu.text import END_TOKEN, word_tokenizer


@dataclass(frozen=True, eq=False)
class Language:
    """A finite language.

    Attributes:
        name: what it is called in tables and provenance.
        words: the vocabulary; the token i is written words[i].
        tokens: (N, L) int64, each row a different text.
        probabilities: (N,) float64, positive, summing to 1.
        origin: how to load it again, kept with every model trained on it; {} for one made in Python.

    Raises:
        ValueError: fewer than two words, repeated texts, or probabilities that are not a distribution.
    """

    name: str
    words: tuple[str, ...]
    tokens: Tensor
    probabilities: Tensor
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.words) < 2:
            raise ValueError(f"language {self.name!r} has {len(self.words)} word(s); it needs at least 2")
        if self.probabilities.shape != self.tokens.shape[:1]:
            raise ValueError(f"language {self.name!r}: one probability for each text is needed")
        if not bool((self.probabilities > 0).all()) or abs(float(self.probabilities.sum()) - 1) > 1e-9:
            raise ValueError(f"language {self.name!r}: probabilities must be positive and sum to 1")
        if len(self._index) != len(self.tokens):
            raise ValueError(f"language {self.name!r} lists the same text twice")

    @classmethod
    def from_sentences(
        cls, sentences: Sequence[str], probabilities: Sequence[float] | None = None, name: str = "sentences given"
    ) -> Language:
        """A language from texts written out, words separated by spaces; equally likely unless told.

        Repeated texts become one with the sum of their probabilities; shorter texts are filled up
        with `<end>`.

        Raises:
            ValueError: no sentence, an empty one, or weights that are negative or of another number.
        """
        weights = [1.0] * len(sentences) if probabilities is None else [float(p) for p in probabilities]
        if len(weights) != len(sentences):
            raise ValueError(f"{len(sentences)} sentences but {len(weights)} probabilities")
        if not sentences or any(not sentence.split() for sentence in sentences):
            raise ValueError("a language needs at least one sentence, and no empty one")
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError("probabilities must not be negative, and not all zero")
        merged: Counter[tuple[str, ...]] = Counter()
        for sentence, weight in zip(sentences, weights, strict=True):
            merged[tuple(sentence.split())] += weight  # type: ignore[assignment]  # Counter of floats
        rows = [row for row, weight in merged.items() if weight > 0]
        length = max(map(len, rows))
        rows_full = [row + (END_TOKEN,) * (length - len(row)) for row in rows]
        words = tuple(dict.fromkeys(word for row in rows_full for word in row))
        index = {word: i for i, word in enumerate(words)}
        mass = torch.tensor([float(merged[row]) for row in rows], dtype=torch.float64)
        tokens = torch.tensor([[index[word] for word in row] for row in rows_full])
        return cls(name, words, tokens, mass / mass.sum())

    # --- sizes ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        """N, the number of texts."""
        return len(self.tokens)

    @property
    def vocab_size(self) -> int:
        """V."""
        return len(self.words)

    @property
    def length(self) -> int:
        """L."""
        return self.tokens.shape[1]

    @cached_property
    def entropy(self) -> float:
        """Of a whole text, in nats; divide by `length` for nats per token."""
        return float(-(self.probabilities * self.probabilities.log()).sum())

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """One token a word."""
        return word_tokenizer(self.words)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the words, texts and probabilities, for provenance."""
        content = repr((self.words, self.tokens.tolist(), self.probabilities.tolist()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    # --- texts ---------------------------------------------------------------------------------

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n texts drawn from the language itself: (n, L) int64 on the CPU."""
        return self.tokens[torch.multinomial(self.probabilities, n, replacement=True, generator=generator)]

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of (B, L) tokens, `<end>` left out."""
        return [" ".join(self.words[i] for i in row if self.words[i] != END_TOKEN) for row in tokens.tolist()]

    @cached_property
    def _index(self) -> dict[tuple[int, ...], int]:
        return {tuple(row): i for i, row in enumerate(self.tokens.tolist())}

    def index(self, tokens: Tensor) -> Tensor:
        """Which text of the language each row is: (B, L) -> (B,) int64, -1 for none of them."""
        return torch.tensor([self._index.get(tuple(row), -1) for row in tokens.tolist()], dtype=torch.long)

    # --- how far samples are from it -----------------------------------------------------------

    def validity(self, tokens: Tensor) -> float:
        """Share of (B, L) samples that are texts of the language, in [0, 1]."""
        return float((self.index(tokens) >= 0).double().mean())

    def negative_log_likelihood(self, tokens: Tensor) -> Tensor:
        """-log p of each sample in nats per text: (B, L) -> (B,) float64, infinite outside the language."""
        index = self.index(tokens)
        return torch.where(index >= 0, -self.probabilities[index.clamp_min(0)].log(), torch.inf)

    def total_variation(self, tokens: Tensor) -> float:
        """Half the L1 distance between the samples' frequencies and the language, in [0, 1].

        Even exact samples have some; `expected_total_variation` says how much.
        """
        index = self.index(tokens)
        frequency = torch.bincount(index[index >= 0], minlength=len(self)).double() / len(tokens)
        outside = float((index < 0).double().mean())
        return 0.5 * (float((frequency - self.probabilities).abs().sum()) + outside)

    def expected_total_variation(self, n: int) -> float:
        """What `total_variation` is on average for n exact samples: the noise floor of the measure.

        Half the sum of the mean absolute deviations of binomials (de Moivre's closed form).
        """
        p = self.probabilities
        k = (n * p).floor() + 1  # (N,)
        inside = k <= n  # k = n + 1 only for p = 1, which does not deviate
        log_choose = (
            torch.lgamma(torch.tensor(n + 1.0, dtype=torch.float64))
            - torch.lgamma(k + 1)
            - torch.lgamma((n - k).clamp_min(0) + 1)
        )
        log_mean = torch.log(2 * k) + log_choose + k * p.log() + (n - k + 1) * torch.log1p(-p)
        return float(torch.where(inside, log_mean.exp(), 0.0).sum()) / (2 * n)


# --- grammars -----------------------------------------------------------------------------------


class GrammarError(ValueError):
    """A grammar that cannot be read: names the file, the line and what is wrong."""


@dataclass(frozen=True)
class _Option:
    words: str
    weight: float
    properties: dict[str, str] = field(default_factory=dict)
    conditions: tuple[tuple[str, str, str], ...] = ()  # (choice, key, value)

    def admitted(self, drawn: dict[str, _Option]) -> bool:
        return all(drawn[choice].properties.get(key) == value for choice, key, value in self.conditions)


def load_language(name: str | Path) -> Language:
    """A language shipped with the package, by name, or one's own, by the path of a .grammar file.

    Raises:
        FileNotFoundError: no such name or file; the message lists the names.
        GrammarError: the file cannot be read as a grammar.
    """
    path = Path(name)
    if path.suffix != ".grammar":
        path = data_dir() / "languages" / f"{name}.grammar"
    if not path.is_file():
        known = ", ".join(language_names())
        raise FileNotFoundError(f"no language {str(name)!r}: give the path of a .grammar file or one of {known}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GrammarError(f"{path} is not UTF-8 ({error}); convert it first") from error
    language = parse_grammar(text, name=path.stem, source=str(path))
    return replace(language, origin={"kind": "language", "source": str(name)})


def language_names() -> list[str]:
    """The languages shipped with the package."""
    return sorted(path.stem for path in (data_dir() / "languages").glob("*.grammar"))


def parse_grammar(content: str, name: str, source: str = "grammar") -> Language:
    """The language of a grammar (format: data/languages/README.md).

    Raises:
        GrammarError: names the line and what is wrong with it.
    """
    choices: dict[str, list[_Option]] = {}
    current = ""
    for number, raw in enumerate(content.splitlines(), start=1):
        line, where = raw.partition("#")[0].strip(), f"{source}, line {number}"
        if not line:
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            current = header[1]
            if current in choices or "text" in choices:
                raise GrammarError(f"{where}: [{current}] comes twice or after [text], which must be the last section")
            choices[current] = []
        elif not current:
            raise GrammarError(f"{where}: expected a section such as [hero] before {line!r}")
        else:
            choices[current].append(_parse_option(line, where, earlier=list(choices)[:-1]))
    shapes = choices.pop("text", [])
    if not shapes:
        raise GrammarError(f"{source}: there is no [text] section with at least one line")
    sentences, weights = [], []
    for drawn, weight in _draws(list(choices.items()), source):
        total = sum(shape.weight for shape in shapes)
        for shape in shapes:
            sentences.append(_fill(shape.words, drawn, source))
            weights.append(weight * shape.weight / total)
    try:
        return Language.from_sentences(sentences, weights, name=name)
    except ValueError as error:
        raise GrammarError(f"{source}: {error}") from error


def _parse_option(line: str, where: str, earlier: list[str]) -> _Option:
    words, weight, properties, conditions = [], 1.0, {}, []
    for part in line.split():
        if weighted := re.fullmatch(r"\*(\d+(?:\.\d+)?)", part):
            weight = float(weighted[1])
        elif condition := re.fullmatch(r"\?(\w+)\.(\w+)=(\S+)", part):
            if condition[1] not in earlier:
                raise GrammarError(f"{where}: {part!r} names a choice that is not drawn earlier")
            conditions.append((condition[1], condition[2], condition[3]))
        elif prop := re.fullmatch(r"(\w+)=(\S+)", part):
            properties[prop[1]] = prop[2]
        else:
            words.append(part)
    if not words or weight <= 0:
        raise GrammarError(f"{where}: an option needs words and a weight above 0")
    return _Option(" ".join(words), weight, properties, tuple(conditions))


def _draws(
    choices: list[tuple[str, list[_Option]]], source: str, drawn: dict[str, _Option] | None = None, weight: float = 1.0
) -> Iterator[tuple[dict[str, _Option], float]]:
    """Every way to draw one option for each choice, with its probability."""
    drawn = drawn or {}
    if not choices:
        yield drawn, weight
        return
    (choice, options), rest = choices[0], choices[1:]
    admitted = [option for option in options if option.admitted(drawn)]
    total = sum(option.weight for option in admitted)
    if not admitted:
        raise GrammarError(f"{source}: no option of [{choice}] is admitted after {[o.words for o in drawn.values()]}")
    for option in admitted:
        yield from _draws(rest, source, {**drawn, choice: option}, weight * option.weight / total)


def _fill(shape: str, drawn: dict[str, _Option], source: str) -> str:
    """A shape with its {choice} and {choice.key} replaced."""

    def replace(match: re.Match[str]) -> str:
        choice, key = match[1], match[3]
        if choice not in drawn or (key and key not in drawn[choice].properties):
            option = f" for {drawn[choice].words!r}" if choice in drawn else ""
            raise GrammarError(f"{source}: [text] uses {match[0]}, which is not defined{option}")
        return drawn[choice].properties[key] if key else drawn[choice].words

    return re.sub(r"\{(\w+)(\.(\w+))?\}", replace, shape)
