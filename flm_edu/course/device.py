"""How large the notebooks train: for a laptop's CPU, or larger on a GPU where the reader asks for it."""

from __future__ import annotations

import os

import torch

VARIABLE = "FLM_EDU_DEVICE"


def training_device() -> torch.device:
    """Return the device that the environment variable FLM_EDU_DEVICE names, "cpu" or "cuda"; the CPU where it is not set.

    Raises:
        ValueError: it names another device, or a GPU and there is none.
    """
    name = os.environ.get(VARIABLE, "cpu")
    if name not in ("cpu", "cuda"):
        raise ValueError(f"{VARIABLE} is {name!r}; it must be cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{VARIABLE} is cuda, and torch {torch.__version__} finds no GPU")
    return torch.device(name)
