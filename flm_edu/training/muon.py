"""Muon (Jordan et al. 2024) for any machine: torch's optimizer, iterating in an arithmetic the machine has.

Muon takes the momentum of a matrix and makes its singular values nearly equal before it steps.
`torch.optim.Muon` does so in bf16 everywhere. A CPU without bf16 emulates it, which took longer than
the network itself; there the iteration runs in float32.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Muon(torch.optim.Muon):
    """`torch.optim.Muon` with a choice of arithmetic, taking matrices of one shape together.

    Its state, saved, is that of torch's. Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon.

    Args:
        params: matrices, or groups of them.
        lr: learning rate.
        weight_decay: share of the learning rate by which weights shrink at each step.
        dtype: of the iteration; bf16 is precise enough where it is fast, and slow where it is emulated.

    Raises:
        ValueError: a parameter is not a matrix.
    """

    def __init__(self, params: Any, *, lr: float, weight_decay: float = 0.0, dtype: torch.dtype = torch.float32):
        super().__init__(params, lr=lr, weight_decay=weight_decay)
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step with every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for matrices in alike.values():
                self._step_together(matrices, group)
        return loss

    def _step_together(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        momenta = []
        for matrix in matrices:
            state = self.state[matrix]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(matrix)
            momenta.append(state["momentum_buffer"])
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]  # all of them
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        update = torch.stack(momenta)
        if group["nesterov"]:
            update = torch.stack(gradients).lerp(update, group["momentum"])
        update = equalise(update.to(self.dtype), group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = matrices[0].shape
        rate = group["lr"] * math.sqrt(max(1.0, rows / columns))
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(matrices, list(update.to(matrices[0].dtype).unbind()), alpha=-rate)


def equalise(x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Return about U V^T for U S V^T: `steps` of the quintic Newton-Schulz iteration bring singular values near 1.

    Shapes: x (n, rows, columns) -> the same.
    """
    a, b, c = coefficients
    wide = x.mT if x.shape[-2] > x.shape[-1] else x  # the smaller Gram matrix of the two
    wide = wide / wide.norm(dim=(-2, -1), keepdim=True).clamp_min(eps)
    for _ in range(steps):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.mT if x.shape[-2] > x.shape[-1] else wide
