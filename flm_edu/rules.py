"""What a grammar says: choices with properties and conditions, and the shapes of texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


class GrammarError(ValueError):
    """A grammar that cannot be read: names the file, the line and what is wrong."""


#: choices of a grammar, and characters of its longest text
MOST_CHOICES, MOST_CHARACTERS = 64, 100_000

SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")  # {choice} or {choice.key}


@dataclass(frozen=True)
class Option:
    """One option of a choice, or one shape of texts.

    Attributes:
        words: what it writes.
        weight: how often it is drawn, against the other options that are allowed.
        properties: what other choices and the shapes may ask for.
        conditions: (choice, key, value) of choices drawn earlier, all of which must hold.
    """

    words: str
    weight: float
    properties: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[tuple[str, str, str], ...] = ()

    def admitted(self, drawn: Mapping[str, Option]) -> bool:
        """Tell whether it may be drawn after others."""
        return all(drawn[choice].properties.get(key) == value for choice, key, value in self.conditions)


@dataclass(frozen=True)
class Rules:
    """A grammar as it was read.

    Attributes:
        source: the file, for messages.
        choices: name -> its options, in the order in which they are drawn.
        shapes: the options of [text].

    Raises:
        GrammarError: a shape asks for a choice, or for a property of an option, that is not there; there are too many
            choices, or a text is too long.
    """

    source: str
    choices: Mapping[str, tuple[Option, ...]]
    shapes: tuple[Option, ...]

    def __post_init__(self) -> None:
        if len(self.choices) > MOST_CHOICES:
            raise GrammarError(f"{self.source}: {len(self.choices)} choices are too many; there can be {MOST_CHOICES}")
        for choice, options in self.choices.items():
            if not options:
                raise GrammarError(f"{self.source}: [{choice}] has no option")
        for shape in self.shapes:
            for choice, key in slots(shape.words):
                named = f"{{{choice}.{key}}}" if key else f"{{{choice}}}"
                if choice not in self.choices:
                    raise GrammarError(f"{self.source}: [text] uses {named}, which is not defined")
                for option in self.choices[choice]:
                    if key and key not in option.properties:
                        raise GrammarError(
                            f"{self.source}: [text] uses {named}, which is not defined for {option.words!r}"
                        )

        if self.longest > MOST_CHARACTERS:
            raise GrammarError(f"{self.source}: a text of more than {MOST_CHARACTERS:,} characters is too long")

    @property
    def longest(self) -> int:
        """The most characters that a text can have."""
        return max(
            len(shape.words)
            + sum(
                max(len(option.properties[key] if key else option.words) for option in self.choices[choice])
                for choice, key in slots(shape.words)
            )
            for shape in self.shapes
        )

    def used(self, *shapes: str, drawn: Collection[str] = ()) -> tuple[str, ...]:
        """Return the choices that shapes, or parts of them, use beside those drawn, and all that these depend on."""
        wanted = [choice for words in shapes for choice, _ in slots(words)]
        used: set[str] = set()
        while wanted:
            if (choice := wanted.pop()) not in used and choice not in drawn:
                used.add(choice)
                wanted += [named for option in self.choices[choice] for named, _, _ in option.conditions]
        return tuple(choice for choice in self.choices if choice in used)

    def allowed(self, choice: str, drawn: Mapping[str, Option]) -> Iterator[tuple[Option, float]]:
        """Yield the options of a choice that may be drawn after others, with their probabilities.

        Raises:
            GrammarError: there is none.
        """
        admitted = [option for option in self.choices[choice] if option.admitted(drawn)]
        if not admitted:
            before = [option.words for option in drawn.values()]
            raise GrammarError(f"{self.source}: no option of [{choice}] is admitted after {before}")
        total = sum(option.weight for option in admitted)
        return ((option, option.weight / total) for option in admitted)

    def draws(
        self, choices: Sequence[str], drawn: Mapping[str, Option], probability: float = 1.0
    ) -> Iterator[tuple[Mapping[str, Option], float]]:
        """Yield every way to draw one option for each choice after others, with its probability."""
        if not choices:
            yield drawn, probability
            return
        for option, chance in self.allowed(choices[0], drawn):
            yield from self.draws(choices[1:], {**drawn, choices[0]: option}, probability * chance)


def slots(words: str) -> list[tuple[str, str]]:
    """Return the (choice, key) of every {choice.key} of a shape, in order; the key of {choice} is ""."""
    return SLOT.findall(words)


def fill(words: str, drawn: Mapping[str, Option]) -> str:
    """Return a shape, or a part of one, with its {choice} and {choice.key} replaced."""

    def replace(match: re.Match[str]) -> str:
        option = drawn[match[1]]
        return option.properties[match[2]] if match[2] else option.words

    return SLOT.sub(replace, words)
