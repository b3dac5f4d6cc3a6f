"""Judging models: quality against steps, and the measures it is made of."""

from flm_edu.evaluation.optima import excess
from flm_edu.evaluation.sweep import sweep, training_tokens
from flm_edu.evaluation.tables import (
    Point,
    load_sweep,
    load_sweeps,
    published,
    save_sweep,
    shipped_sweeps,
)
