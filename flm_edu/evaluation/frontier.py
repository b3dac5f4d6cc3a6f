"""Quality against diversity: a temperature buys one with the other, so models are compared at equal entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from flm_edu.evaluation.tables import Point


def at_entropy(points: Sequence[Point], metric: str, entropy: float) -> dict[tuple[str, int], float | None]:
    """Return the metric of each (model, steps) where its points over temperatures have this entropy; None if nowhere.

    Between two temperatures it is interpolated in a straight line, a perplexity by its logarithm.

    Source: comparison at matched entropy, arXiv 2606.08417.
    """
    lines: dict[tuple[str, int], list[Point]] = {}
    for point in points:
        if point.temperature is not None and getattr(point, metric) is not None:
            lines.setdefault((point.model, point.steps), []).append(point)
    return {line: _crossing(sorted(own, key=_temperature), metric, entropy) for line, own in lines.items()}


def _temperature(point: Point) -> float:
    assert point.temperature is not None
    return point.temperature


def _crossing(line: Sequence[Point], metric: str, entropy: float) -> float | None:
    logarithmic = metric == "judge_perplexity"
    for colder, warmer in pairwise(line):
        if min(colder.entropy, warmer.entropy) <= entropy <= max(colder.entropy, warmer.entropy):
            share = (
                0.5
                if colder.entropy == warmer.entropy
                else (entropy - colder.entropy) / (warmer.entropy - colder.entropy)
            )
            ends = [getattr(point, metric) for point in (colder, warmer)]
            low, high = map(math.log, ends) if logarithmic else ends
            value = low + share * (high - low)
            return math.exp(value) if logarithmic else value
    return None
