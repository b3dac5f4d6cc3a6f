"""From a grammar to an automaton: read every shape from left to right, and forget what is no longer needed.

A `_Place` is where one reading of a grammar stands: the shape, the part of it that comes next, and of each choice drawn
so far what is still to be used. A name of which only the pronoun is needed is that pronoun. Several places can have
written the same words; a state of the automaton is such a set of places with their probabilities, so that two
derivations of one text become one path. States with the same future are merged at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch

from flm_edu.automaton import Automaton, Layer
from flm_edu.rules import GrammarError, Option, Rules, fill, slots
from flm_edu.vocabulary import END_TOKEN

MOST_STATES = 100_000  # of an automaton, before states are merged, and of ways to draw for one word
MOST_STEPS = 500_000  # ways to go on, of all states together; there are no more edges than that


_Kept = tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]  # (choice, words or "", properties) each


class _Place(NamedTuple):
    """Where a reading stands; equal places have equal futures."""

    shape: int  # -1 once the text has ended
    part: int = 0
    pending: tuple[str, ...] = ()  # words that the last part still has to write
    kept: _Kept = ()


_ENDED = _Place(-1)

#: a state: what may have been drawn, with the probability of each given the words so far
_State = dict[_Place, float]


@dataclass(frozen=True)
class _Step:
    """One part of a shape, a stretch between spaces.

    Attributes:
        words: the part as the grammar has it.
        draws: the choices to draw before it can be written: those that it uses, and those that they depend on.
        keeps: choice -> what is used of it later: the keys of properties, and "" for its words.
    """

    words: str
    draws: tuple[str, ...]
    keeps: Mapping[str, frozenset[str]]


def compile_rules(rules: Rules, name: str) -> Automaton:
    """Return the automaton of a grammar.

    Raises:
        GrammarError: more than `MOST_STATES` states or `MOST_STEPS` ways to go on are needed; names the choice that
            most of the states remember.
    """
    shapes = [_steps(rules, shape.words) for shape in rules.shapes]
    total = sum(shape.weight for shape in rules.shapes)
    start = {_Place(number): shape.weight / total for number, shape in enumerate(rules.shapes)}
    layers: list[list[tuple[int, str, int, float]]] = []  # (source, word, target, probability)
    here, made, walked = [start], 1, 0
    while here != [{_ENDED: 1.0}]:
        found: dict[frozenset[tuple[_Place, float]], int] = {}
        states: list[_State] = []
        edges = []
        for source, state in enumerate(here):
            following: dict[str, _State] = {}
            for word, place, weight in _read(rules, shapes, state):
                walked += 1
                if walked > MOST_STEPS:
                    raise GrammarError(_too_many(rules, here, f"{MOST_STEPS:,} ways to go on from a state"))
                places = following.setdefault(word, {})
                places[place] = places.get(place, 0.0) + weight
            for word, after in following.items():
                probability = sum(after.values())
                after = {place: weight / probability for place, weight in after.items()}
                key = frozenset((place, _rounded(weight)) for place, weight in after.items())
                target = found.setdefault(key, len(states))
                if target == len(states):
                    states.append(after)
                    made += len(after)
                    if made > MOST_STATES:
                        raise GrammarError(_too_many(rules, here, f"{MOST_STATES:,} states"))
                edges.append((source, word, target, probability))
        layers.append(edges)
        here = states
    return _automaton(_merged(layers), name)


def _steps(rules: Rules, words: str) -> list[_Step]:
    """Return the parts of a shape, each with what must be drawn for it and what is kept after it."""
    drawn: set[str] = set()
    draws = []
    for part in words.split():
        draws.append(rules.used(part, drawn=drawn))
        drawn |= set(draws[-1])
    later: dict[str, frozenset[str]] = {}
    steps = []
    for part, new_ones in zip(reversed(words.split()), reversed(draws), strict=True):
        steps.append(_Step(part, new_ones, dict(later)))
        used = list(slots(part))
        used += [(named, key) for new in new_ones for o in rules.choices[new] for named, key, _ in o.conditions]
        for choice, key in used:
            later[choice] = later.get(choice, frozenset()) | {key}
    return steps[::-1]


def _read(rules: Rules, shapes: list[list[_Step]], state: _State) -> Iterator[tuple[str, _Place, float]]:
    """Yield every word that may be written next, with a place that this leads to and the probability of both."""
    for place, weight in state.items():
        for word, after, probability in _next(rules, shapes, place):
            yield word, after, weight * probability


def _next(rules: Rules, shapes: list[list[_Step]], place: _Place) -> Iterator[tuple[str, _Place, float]]:
    """Yield the words that one place may write, each with the place after it and its probability."""
    if place == _ENDED:
        yield END_TOKEN, _ENDED, 1.0
        return
    steps = shapes[place.shape]
    if place.pending:
        yield place.pending[0], _after(place.shape, place.part, place.pending[1:], place.kept, steps), 1.0
        return
    step = steps[place.part]
    drawn = {choice: Option(words, 1.0, dict(properties)) for choice, words, properties in place.kept}
    for number, (options, probability) in enumerate(rules.draws(step.draws, drawn)):
        if number > MOST_STATES:
            raise GrammarError(
                f"{rules.source}: {step.words!r} of [text] depends on more than {MOST_STATES:,} ways to draw "
                f"[{'], ['.join(step.draws)}]; let fewer conditions name them"
            )
        words = fill(step.words, options).split()
        kept = tuple(
            (
                choice,
                options[choice].words if "" in keys else "",
                tuple(
                    (key, options[choice].properties[key]) for key in sorted(keys) if key in options[choice].properties
                ),
            )
            for choice, keys in sorted(step.keeps.items())
            if choice in options
        )
        yield words[0], _after(place.shape, place.part + 1, tuple(words[1:]), kept, steps), probability


def _after(shape: int, part: int, pending: tuple[str, ...], kept: _Kept, steps: list[_Step]) -> _Place:
    return _ENDED if part == len(steps) and not pending else _Place(shape, part, pending, kept)


def _too_many(rules: Rules, states: list[_State], what: str) -> str:
    values: dict[str, set[object]] = {}
    for state in states:
        for place in state:
            for choice, *used in place.kept:
                values.setdefault(choice, set()).add(tuple(used))
    worst = max(values, key=lambda choice: len(values[choice])) if values else next(iter(rules.choices), "text")
    return (
        f"{rules.source}: the grammar needs more than {what}, above all to remember [{worst}] "
        f"({len(values.get(worst, ()))} options) together with other choices; use them closer to each other, or less often"
    )


def _merged(layers: list[list[tuple[int, str, int, float]]]) -> list[dict[int, dict[str, tuple[int, float]]]]:
    """Return the edges of each layer by source and word, with states of the same future made one."""
    merged: list[dict[int, dict[str, tuple[int, float]]]] = []
    same = {0: 0}  # state -> its class, of the states after a layer; there is one last state
    for edges in reversed(layers):
        outgoing: dict[int, dict[str, tuple[int, float]]] = {}
        for source, word, target, probability in edges:
            outgoing.setdefault(source, {})[word] = (same[target], probability)
        classes: dict[object, int] = {}
        same, kept = {}, {}
        for source, futures in outgoing.items():
            key = frozenset((word, target, _rounded(chance)) for word, (target, chance) in futures.items())
            same[source] = classes.setdefault(key, len(classes))
            kept[same[source]] = futures
        merged.append(kept)
    return merged[::-1]


def _rounded(probability: float) -> float:
    """Return a probability to twelve digits: sums in another order are the same, however small they are."""
    return float(f"{probability:.12g}")


def _automaton(layers: list[dict[int, dict[str, tuple[int, float]]]], name: str) -> Automaton:
    words = tuple(dict.fromkeys(word for layer in layers for futures in layer.values() for word in futures))
    index = {word: i for i, word in enumerate(words)}
    after = [len(layer) for layer in layers[1:]] + [1]
    made = []
    for layer, states in zip(layers, after, strict=True):
        rows = sorted(
            (source, index[word], target, chance)
            for source, futures in layer.items()
            for word, (target, chance) in futures.items()
        )
        source, token, target = (torch.tensor(column) for column in list(zip(*rows, strict=True))[:3])
        log_p = torch.tensor([row[3] for row in rows], dtype=torch.float64).log()
        made.append(Layer(source, token, target, log_p, (len(layer), states)))
    return Automaton(name, words, made)
