"""The table of a sweep as text: one row a model and number of steps."""

from __future__ import annotations

from collections.abc import Sequence

from flm_edu.evaluation.tables import Point

#: columns of the table: figure -> (heading, format)
COLUMNS = {
    "temperature": ("temp.", "{:g}"),
    "validity": ("valid", "{:.1%}"),
    "novelty": ("and new", "{:.1%}"),
    "memorized": ("seen", "{:.1%}"),
    "total_variation": ("tot. var.", "{:.3f}"),
    "total_variation_exact": ("(exact)", "{:.3f}"),
    "nll": ("nats/tok", "{:.3f}"),
    "known_words": ("known words", "{:.1%}"),
    "known_pairs": ("known pairs", "{:.1%}"),
    "judge_perplexity": ("judge ppl", "{:.1f}"),
    "entropy": ("entropy", "{:.2f}"),
    "distinct_1": ("distinct-1", "{:.3f}"),
    "distinct_2": ("distinct-2", "{:.3f}"),
    "evaluations": ("evals", "{:d}"),
    "seconds": ("seconds", "{:.2f}"),
}


def table(points: Sequence[Point]) -> list[list[str]]:
    """Return rows of text, the header first, with the columns that any point has."""
    used = [name for name in COLUMNS if any(getattr(point, name) is not None for point in points)]
    rows = [["model", "steps", *(COLUMNS[name][0] for name in used)]]
    for point in points:
        values = ((getattr(point, name), COLUMNS[name][1]) for name in used)
        cells = ["-" if value is None else form.format(value) for value, form in values]
        rows.append([point.model, str(point.steps or "-"), *cells])
    return rows


def footing_table(points: Sequence[Point]) -> list[list[str]]:
    """Return what each trained model cost and knows, the header first: for judging whether a comparison is fair."""
    rows = [["model", "weights", "training tokens", "nats/tok of the data, at most"]]
    for point in {point.model: point for point in points if point.weights is not None}.values():
        read = "-" if point.training_tokens is None else f"{point.training_tokens:,}"
        bound = "-" if point.likelihood_bound is None else f"{point.likelihood_bound:.3f}"
        bound += "" if point.likelihood_error is None else f" +- {point.likelihood_error:.3f}"
        rows.append([point.model, f"{point.weights:,}", read, bound])
    return rows


def format_table(points: Sequence[Point]) -> str:
    """Return the table as aligned plain text."""
    return _aligned(table(points))


def format_footing(points: Sequence[Point]) -> str:
    """Return `footing_table` as aligned plain text; empty without a trained model."""
    rows = footing_table(points)
    return _aligned(rows) if len(rows) > 1 else ""


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    return "\n".join(lines)
