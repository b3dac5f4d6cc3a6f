"""The grammar format: choices with properties and conditions, and the shapes of texts (data/languages/README.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from flm_edu.automaton import Automaton
from flm_edu.compiler import compile_rules
from flm_edu.files import data_dir
from flm_edu.language import Language
from flm_edu.rules import GrammarError, Option, Rules, fill

#: texts of a language that is a table, and characters of all of them; a larger language is an automaton
MOST_LISTED, MOST_CHARACTERS = 20_000, 20_000_000


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
    for drawn, weight in rules.draws(tuple(rules.choices), {}):
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
    return Rules(source, {choice: tuple(options) for choice, options in choices.items()}, tuple(shapes))


def _parse_option(line: str, where: str, earlier: list[str]) -> Option:
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
    return Option(" ".join(words), weight, properties, tuple(conditions))
