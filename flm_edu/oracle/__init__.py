"""Perfect models of a finite language: what a network could at best learn, written down exactly."""

from flm_edu.oracle.by_name import PERFECT, load_perfect
from flm_edu.oracle.discrete import (
    PerfectAutoregressive,
    PerfectMasked,
    PerfectUniform,
    exact_joint,
    factorized_joint,
)
from flm_edu.oracle.flow import PerfectFlow, PerfectFlowMap
from flm_edu.oracle.posterior import PerfectModel

__all__ = [
    "PERFECT",
    "PerfectAutoregressive",
    "PerfectFlow",
    "PerfectFlowMap",
    "PerfectMasked",
    "PerfectModel",
    "PerfectUniform",
    "exact_joint",
    "factorized_joint",
    "load_perfect",
]
