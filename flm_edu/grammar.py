"""The grammar format: choices with properties and conditions, and the shapes of texts (data/languages/README.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flm_edu.automaton import Automaton
from flm_edu.compiler import compile_rules
from flm_edu.files import data_dir
from flm_edu.language import Language
from flm_edu.rules import SLOT, GrammarError, Option, Rules, fill
from flm_edu.vocabulary import END_TOKEN

#: texts of a language that is a table, and characters of all of them; a larger language is an automaton
MOST_LISTED, MOST_CHARACTERS = 20_000, 20_000_000
MOST_WEIGHT = 1e9


def load_language(name: str | Path) -> Language | Automaton:
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


def load_listed(name: str | Path) -> Language:
    """Load a language as `load_language` does, where a table of all its texts is needed.

    Raises:
        ValueError: it has more texts than are listed; else as `load_language`.
    """
    language = load_language(name)
    if isinstance(language, Automaton):
        raise ValueError(
            f"language {str(name)!r} has {language.texts:,} texts, too many to list them; take a smaller one"
        )
    return language


def language_names() -> list[str]:
    """Return the names of the languages shipped with the package."""
    return sorted(path.stem for path in (data_dir() / "languages").glob("*.grammar"))


def parse_grammar(content: str, name: str, source: str = "grammar") -> Language | Automaton:
    """Return the language of a grammar (format: data/languages/README.md): listed, or an automaton beyond `MOST_LISTED`.

    Raises:
        GrammarError: names the line and what is wrong with it.
    """
    rules = read_rules(content, source)
    try:
        return _listed(rules, name) or compile_rules(rules, name)
    except ValueError as error:
        raise error if isinstance(error, GrammarError) else GrammarError(f"{source}: {error}") from error


def _listed(rules: Rules, name: str) -> Language | None:
    """Return the language as a table; None where it has too many texts for one."""
    sentences: list[str] = []
    weights: list[float] = []
    total = sum(shape.weight for shape in rules.shapes)
    for drawn, weight in rules.draws(rules.used(*(shape.words for shape in rules.shapes)), {}):
        if len(sentences) > MOST_LISTED or len(sentences) * rules.longest > MOST_CHARACTERS:
            return None
        for shape in rules.shapes:
            sentences.append(fill(shape.words, drawn))
            weights.append(weight * shape.weight / total)
    return Language.from_sentences(sentences, weights, name=name)


def read_rules(content: str, source: str = "grammar") -> Rules:
    """Return what a grammar says.

    Raises:
        GrammarError: names the line and what is wrong with it.
    """
    choices: dict[str, list[Option]] = {}
    current = ""
    for number, raw in enumerate(content.splitlines(), start=1):
        line, where = raw.partition("#")[0].strip(), f"{source}, line {number}"
        if not line:
            continue
        if line[0] == "[" and line[-1] == "]":
            current = line[1:-1]
            if not re.fullmatch(r"\w+", current):
                raise GrammarError(f"{where}: the name in {line} must be one word of letters, digits and _")
            if current in choices or "text" in choices:
                raise GrammarError(f"{where}: [{current}] comes twice or after [text], which must be the last section")
            choices[current] = []
        elif not current:
            raise GrammarError(f"{where}: expected a section such as [hero] before {line!r}")
        else:
            earlier = {choice: options for choice, options in choices.items() if choice != current}
            choices[current].append(_parse_option(line, where, earlier, is_shape=current == "text"))
    shapes = choices.pop("text", [])
    if not shapes:
        raise GrammarError(f"{source}: there is no [text] section with at least one line")
    return Rules(source, {choice: tuple(options) for choice, options in choices.items()}, tuple(shapes))


def _parse_option(line: str, where: str, earlier: Mapping[str, list[Option]], *, is_shape: bool) -> Option:
    words, weight, properties, conditions = [], 1.0, {}, []
    for part in line.split():
        if re.match(r"\*.", part):
            weight = _parse_weight(part, where)
        elif is_shape and re.match(r"\?.*=|\w+=.", part):
            raise GrammarError(
                f"{where}: {part!r} is for choices; a line of [text] has words, {{choices}} and a weight"
            )
        elif re.match(r"\?.*=", part):
            conditions.append(_parse_condition(part, where, earlier))
        elif prop := re.fullmatch(r"(\w+)=(\S+)", part):
            properties[prop[1]] = prop[2]
        else:
            words.append(part)
    if not words:
        raise GrammarError(f"{where}: an option needs words")
    if END_TOKEN in words:
        raise GrammarError(f"{where}: {END_TOKEN} fills up the shorter texts and is written by itself; leave it out")
    for part in [*words, *properties.values()]:
        if re.search(r"[{}]", SLOT.sub("", part) if is_shape else part):
            raise GrammarError(
                f"{where}: {part!r} is neither a word nor {{choice}} or {{choice.key}}, which stand in lines of [text] only"
            )
    return Option(" ".join(words), weight, properties, tuple(conditions))


def _parse_weight(part: str, where: str) -> float:
    if re.fullmatch(r"\*\d+(?:\.\d+)?", part) and 1 / MOST_WEIGHT <= float(part[1:]) <= MOST_WEIGHT:
        return float(part[1:])
    raise GrammarError(
        f"{where}: {part!r} is no weight; write *2 or *0.5, a number from {1 / MOST_WEIGHT:g} to {MOST_WEIGHT:g}"
    )


def _parse_condition(part: str, where: str, earlier: Mapping[str, list[Option]]) -> tuple[str, str, str]:
    found = re.fullmatch(r"\?(\w+)\.(\w+)=(\S+)", part)
    if not found:
        raise GrammarError(f"{where}: {part!r} is no condition; write ?choice.key=value")
    choice, key, value = found.groups()
    if choice not in earlier:
        raise GrammarError(f"{where}: {part!r} names a choice that is not drawn earlier")
    if all(option.properties.get(key) != value for option in earlier[choice]):
        raise GrammarError(f"{where}: {part!r} never holds; no option of [{choice}] has {key}={value}")
    return choice, key, value
