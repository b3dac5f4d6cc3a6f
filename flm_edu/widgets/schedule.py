"""ScheduleExplorer: when noisy tokens turn right, and the clock that spreads it evenly."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from flm_edu.widgets.base import Number, Widget, javascript, pack, quadrature

TOKENS = 64  # rows of the picture of tokens turning right


class ScheduleExplorer(Widget):
    """The decoding error P_e(t), the clock tau(t) made of it, and what both mean for training times.

    A token of a vocabulary of V words turns right when its own entry of the noisy row becomes the
    largest. The larger V, the later and the more suddenly: over t all tokens turn in a narrow band,
    over tau they turn evenly. Computed in the browser for any V.

    Args:
        seed: of the tokens' noise.
        **state: any attribute below.

    Attributes:
        vocab_size: V, 2 to 131,072.
        tau: where the cursor stands, 0 to 1.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    Screenshots: docs/images/schedule-light.png, -dark.png.
    """

    title = "A clock for decisions"
    _esm = javascript("clock.js", "chart.js", "schedule.js")

    clock = traitlets.Dict().tag(sync=True)
    vocab_size = Number(30_522, 2, 131_072, whole=True).tag(sync=True)
    tau = Number(0.5, 0, 1).tag(sync=True)

    def __init__(self, *, seed: int = 0, **state: Any):
        generator = torch.Generator().manual_seed(seed)
        # A token's own noise, and the quantile of the largest of the others, from which the browser makes it for any V.
        arrays = {
            "own": torch.randn(TOKENS, generator=generator).numpy(),
            "quantile": torch.rand(TOKENS, generator=generator).clamp_min(1e-6).numpy(),
        }
        super().__init__(clock=quadrature(), **pack(arrays), **state)
