"""The optimizers of a run: Muon for matrices inside the blocks, AdamW for all else."""

from __future__ import annotations

from typing import Literal

import torch

from flm_edu.architecture import Network
from flm_edu.training.config import TrainConfig
from flm_edu.training.muon import Muon


def natural_precision(device: torch.device) -> Literal["float32", "bf16"]:
    """Return bf16 where the device multiplies it natively, which is faster; else float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    abilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch cannot say
    return "bf16" if any(abilities.get(name) for name in ("avx512_bf16", "amx_bf16")) else "float32"


def build_optimizers(network: Network, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices that the network gives it and AdamW for all else, or AdamW alone."""
    matrices = network.matrices() if config.optimizer == "muon" else []
    taken = {id(matrix) for matrix in matrices}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in taken]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    ]
    if matrices:
        dtype = torch.bfloat16 if natural_precision(matrices[0].device) == "bf16" else torch.float32
        optimizers.append(Muon(matrices, lr=config.muon_lr, weight_decay=config.weight_decay, dtype=dtype))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers
