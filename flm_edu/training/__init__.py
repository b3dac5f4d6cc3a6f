"""Training: one loop for every model, its settings, its optimizers and the record it leaves."""

from typing import TYPE_CHECKING, Any

from flm_edu.training.config import Corpus, TrainConfig

if TYPE_CHECKING:
    from flm_edu.training.trainer import Trainer


def __getattr__(name: str) -> Any:
    """Import the loop, and with it accelerate, only when it is asked for."""
    if name == "Trainer":
        from flm_edu.training.trainer import Trainer

        return Trainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
