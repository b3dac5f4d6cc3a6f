"""The grammar format: choices with properties and conditions, and the shapes of texts (data/languages/README.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from flm_edu.files import data_dir
from flm_edu.language import Language

MOST_TEXTS, MOST_CHARACTERS, MOST_CHOICES = 200_000, 20_000_000, 64  # the characters if all texts were of the longest's


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
    """Load a language shipped with the package, by name, or one's own, by the path of a .grammar file.

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
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GrammarError(f"{path} is not UTF-8 ({error}); convert it first") from error
    language = parse_grammar(text, name=path.stem, source=str(path))
    return replace(language, origin={"kind": "language", "source": str(name)})


def language_names() -> list[str]:
    """Return the names of the languages shipped with the package."""
    return sorted(path.stem for path in (data_dir() / "languages").glob("*.grammar"))


def parse_grammar(content: str, name: str, source: str = "grammar") -> Language:
    """Return the language of a grammar (format: data/languages/README.md).

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
    if len(choices) > MOST_CHOICES:
        raise GrammarError(f"{source}: {len(choices)} choices are too many; there can be {MOST_CHOICES}")
    most = math.prod(len(options) for options in choices.values()) * len(shapes)
    too_many = (
        f"{source}: its texts (up to {most:,} by its choices) are too many or too long to list: more than "
        f"{MOST_TEXTS:,}, or than {MOST_CHARACTERS:,} characters"
    )
    if most > MOST_TEXTS and not any(option.conditions for options in choices.values() for option in options):
        raise GrammarError(too_many)
    sentences: list[str] = []
    weights: list[float] = []
    longest = 0
    for drawn, weight in _draws(list(choices.items()), source):
        total = sum(shape.weight for shape in shapes)
        for shape in shapes:
            sentences.append(_fill(shape.words, drawn, source))
            weights.append(weight * shape.weight / total)
            longest = max(longest, len(sentences[-1]))
            if len(sentences) > MOST_TEXTS or len(sentences) * longest > MOST_CHARACTERS:
                raise GrammarError(too_many)
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
    """Yield every way to draw one option for each choice, with its probability."""
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
    """Return a shape with its {choice} and {choice.key} replaced."""
    left = MOST_CHARACTERS

    def replace(match: re.Match[str]) -> str:
        nonlocal left
        choice, key = match[1], match[3]
        if choice not in drawn or (key and key not in drawn[choice].properties):
            option = f" for {drawn[choice].words!r}" if choice in drawn else ""
            raise GrammarError(f"{source}: [text] uses {match[0]}, which is not defined{option}")
        value = drawn[choice].properties[key] if key else drawn[choice].words
        left -= len(value)
        if left < 0:
            raise GrammarError(f"{source}: a text of more than {MOST_CHARACTERS:,} characters is too long")
        return value

    return re.sub(r"\{(\w+)(\.(\w+))?\}", replace, shape)
