"""How the figures of a training log are shown: labels, units, axes."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """How a figure of a record is shown to a reader."""

    label: str
    unit: str = ""
    logarithmic: bool = False  # whether it is drawn on a log axis where its values span much
    bounded: bool = False  # whether a flow's exact cross-entropy floor is the least that it can be


_NATS = "nats per token"
#: What a record may hold: the trainer's own figures, and the parts that the objectives name.
FIGURES = {
    "step": Figure("training steps"),
    "seconds": Figure("time", "seconds"),
    "loss": Figure("loss", _NATS, logarithmic=True, bounded=True),
    "cross_entropy": Figure("cross-entropy", _NATS, logarithmic=True, bounded=True),
    "bound": Figure("bound on the negative log-likelihood", _NATS, logarithmic=True),
    "soft_loss": Figure("loss on soft tokens", _NATS, logarithmic=True),
    "divergence": Figure("divergence from the teacher", _NATS, logarithmic=True),
    "diagonal_kl": Figure("diagonal divergence", _NATS, logarithmic=True),
    "semigroup_kl": Figure("semigroup divergence", _NATS, logarithmic=True),
    "lagrangian_kl": Figure("Lagrangian divergence", _NATS, logarithmic=True),
    "eulerian_kl": Figure("Eulerian divergence", _NATS, logarithmic=True),
    "simplex_lagrangian_kl": Figure("Lagrangian divergence on the simplex", _NATS, logarithmic=True),
    "simplex_eulerian_kl": Figure("Eulerian divergence on the simplex", _NATS, logarithmic=True),
    "path_kl": Figure("divergence of the answer", _NATS, logarithmic=True),
    "guess_kl": Figure("divergence of the guesses", _NATS, logarithmic=True),
    "gradient_norm": Figure("norm of the gradient", logarithmic=True),
    "lr_factor": Figure("share of the full learning rate"),
    "tokens_per_second": Figure("tokens per second"),
}
PROGRESS = ("step", "seconds")  # how far a run is; the other figures say how it goes


def figure(name: str) -> Figure:
    """Return how a figure is shown; one that the table lacks goes by its own name."""
    return FIGURES.get(name, Figure(name, logarithmic=True))
