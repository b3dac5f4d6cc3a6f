"""Training: one loop for every model, its settings, its optimizers and the record it leaves."""

from flm_edu.training.config import Corpus, TrainConfig
from flm_edu.training.trainer import Trainer

__all__ = ["Corpus", "TrainConfig", "Trainer"]
