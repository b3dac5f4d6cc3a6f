"""The diffusion transformer (DiT) of the paper: noisy states and one or two times in, logits out.

Reading order: `NetworkConfig`, then `DiT.forward` (the whole network in ten lines), then its parts.
The network knows nothing of noise, schedules or text: its clock is tau and whoever calls it keeps it.
Architecture: Peebles & Xie 2023 (DiT) with rotary positions, as in arXiv 2602.16813; the layout lets
`flm_edu.reference` load the authors' published weights. Absolute positions are not theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flm_edu.architecture import Architecture, Network, Role
from flm_edu.settings import setting


@dataclass(frozen=True)
class NetworkConfig(Architecture):
    """The sizes of a `DiT`.

    Raises:
        ValueError: a size is out of its range; names it.
    """

    architecture: ClassVar[str] = "dit"

    width: int = setting(128, "Width of the network.", "[1, inf)")
    blocks: int = setting(4, "Blocks of the network.", "[1, inf)")
    heads: int = setting(4, "Attention heads of a block.", "[1, inf)")
    time_width: int = setting(128, "Width of the time embedding, which modulates every block.", "[1, inf)")
    dropout: float = setting(0.0, "Dropout in the blocks.", "[0, 1)")
    softcap: float = setting(0.0, "Cap c of attention scores s, which become c tanh(s / c); 0 for none.", "[0, inf)")
    # The paper reads running text and uses none; texts of a fixed layout gain much from them.
    absolute_positions: bool = setting(False, "Learn absolute positions, for texts that start at the row's start.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise ValueError(f"`width` is {self.width}; it must be a multiple of 2 x `heads` = {2 * self.heads}")

    def least_weights(self) -> int:
        """Return the weights of embedding, positions and blocks' matrices, and no more."""
        embeddings = self.vocab_size + (self.length if self.absolute_positions else 0)
        return embeddings * self.width + self.blocks * self.width * (12 * self.width + 6 * self.time_width)

    def build(self, role: Role) -> Network:
        """Return an untrained `DiT`."""
        return DiT(self, role)


class DiT(Network):
    """Embed -> blocks -> logits; every block is modulated by the time embedding.

    `forward(x, tau_s, tau_t=None)` takes x either as states (B, L, V) or as tokens (B, L) int64, and
    times (B,), (1,) or (), or one for each position, (B, L), and returns logits (B, L, V).

    Raises:
        ValueError: `tau_t` given to a one-time network, or missing for a two-time network; a memory given
            to a network that is not causal.
    """

    def __init__(self, config: NetworkConfig, role: Role | None = None):
        super().__init__()
        self.config, self.role = config, role or Role()
        self.embedding = Embedding(config.vocab_size + self.role.extra_tokens, config.width)
        self.positions = Embedding(config.length, config.width) if config.absolute_positions else None
        self.time_embedding = TimeEmbedding(config.time_width)
        self.second_time_embedding = TimeEmbedding(config.time_width) if self.role.two_times else None
        self.rotary = Rotary(config.width // config.heads, config.length)
        self.blocks = nn.ModuleList(self.make_block() for _ in range(config.blocks))
        self.head = Head(config)

    def make_block(self) -> Block:
        """Return one untrained block."""
        return Block(self.config, causal=self.role.causal)

    def forward(
        self, x: Tensor, tau_s: Tensor, tau_t: Tensor | None = None, memory: list[Memory] | None = None
    ) -> Tensor:
        """Return logits (B, L, V) for states (B, L, V) or tokens (B, L) at times tau_s, tau_t.

        With the `memory` of a causal network, x holds only what follows the tokens read before.
        """
        hidden, condition, rotary = self.enter(x, tau_s, tau_t, memory)
        for i, block in enumerate(self.blocks):
            hidden = block(hidden, condition, rotary, None if memory is None else memory[i])
        return self.head(hidden, condition)  # (B, L, V)

    def enter(
        self, x: Tensor, tau_s: Tensor, tau_t: Tensor | None, memory: Sequence[Memory] | None = None
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return what the first block reads: the residual stream (B, L, width), the times and the positions."""
        if (tau_t is None) == self.role.two_times:
            raise ValueError("a two-time network needs tau_s and tau_t, a one-time network tau_s alone")
        if memory is not None and not self.role.causal:
            raise ValueError("only a causal network can remember what it has read")
        condition = self.time_embedding(tau_s)  # (B, time_width), or (B, L, time_width)
        if tau_t is not None and self.second_time_embedding is not None:
            condition = condition + self.second_time_embedding(tau_t)
        hidden = self.embedding(x)  # (B, L, width)
        start = 0 if memory is None else memory[0].read
        stop = start + hidden.shape[1]
        if self.positions is not None:
            hidden = hidden + self.positions.weight[start:stop]
        condition = F.silu(condition)
        return hidden, condition if condition.ndim == 3 else condition[:, None], self.rotary(stop, start)

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices of attention and perceptrons; those that the time goes through are not among them."""
        named = self.blocks.named_parameters()
        return [weight for name, weight in named if weight.ndim == 2 and "modulation" not in name]

    def start_from(self, one_time: nn.Module) -> None:
        """Take over all weights; the second time embedding adds zero, so the logits are those of `one_time`."""
        missing, unexpected = self.load_state_dict(one_time.state_dict(), strict=False)
        if unexpected or any(not name.startswith("second_time_embedding.") for name in missing):
            raise AssertionError(f"the two networks differ: {missing=}, {unexpected=}")
        if self.second_time_embedding is not None:
            _zero(self.second_time_embedding.last)

    def new_memory(self) -> list[Memory]:
        """Return an empty memory for each block: the key-value cache of a causal network."""
        return [Memory(self.config.length) for _ in self.blocks]


class Memory:
    """The keys and values a causal block has computed, so that each token is read once.

    Args:
        length: the most tokens it will hold.
    """

    def __init__(self, length: int):
        self.length, self.read = length, 0
        self._stored: Tensor | None = None

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep those of new tokens; all so far: (B, heads, l, head_width) -> (B, heads, read, head_width)."""
        batch, heads, new, width = key.shape
        if self._stored is None:
            self._stored = key.new_empty(2, batch, heads, self.length, width)
        start, self.read = self.read, self.read + new
        self._stored[0, :, :, start : self.read] = key
        self._stored[1, :, :, start : self.read] = value
        return self._stored[0, :, :, : self.read], self._stored[1, :, :, : self.read]


class Embedding(nn.Module):
    """Linear in the state: a corner of the simplex picks a row, a noisy mixture mixes the rows."""

    def __init__(self, vocab_size: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab_size, width))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, L) int64 or (B, L, V) -> (B, L, width)."""
        if x.ndim == 2:
            return F.embedding(x, self.weight)
        with _without_autocast(x.device.type):  # a noisy state is not rounded to bf16
            return x.to(self.weight.dtype) @ self.weight


class TimeEmbedding(nn.Module):
    """A time in [0, 1] as sines and cosines of 128 frequencies, then a two-layer perceptron."""

    FREQUENCIES = 128

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Linear(2 * self.FREQUENCIES, width)
        self.last = nn.Linear(width, width)

    def forward(self, tau: Tensor) -> Tensor:
        """Return (B,), or () as (1,), -> (B, width); (B, L) -> (B, L, width)."""
        exponent = torch.arange(self.FREQUENCIES, device=tau.device, dtype=torch.float32) / self.FREQUENCIES
        angle = (tau if tau.ndim else tau[None])[..., None].float() * torch.exp(-math.log(10_000.0) * exponent)
        waves = torch.cat([angle.cos(), angle.sin()], dim=-1)
        return self.last(F.silu(self.first(waves.to(self.first.weight.dtype))))


class Rotary(nn.Module):
    """Rotary position embedding (Su et al. 2021): a position turns queries and keys by an angle."""

    cos: Tensor
    sin: Tensor

    def __init__(self, head_width: int, length: int):
        super().__init__()
        frequency = 10_000.0 ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency  # (L, head_width / 2)
        self.register_buffer("cos", torch.cat([angle.cos(), angle.cos()], -1), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], -1), persistent=False)

    def forward(self, stop: int, start: int = 0) -> tuple[Tensor, Tensor]:
        """Return cosines and signed sines of the positions from start to before stop: (stop - start, head_width)."""
        return self.cos[start:stop], self.sin[start:stop]

    @staticmethod
    def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Turn the pairs (x_i, x_{i + half}) of each position; x (B, heads, L, head_width)."""
        return x * cos + x.roll(x.shape[-1] // 2, dims=-1) * sin


class Block(nn.Module):
    """Attention, then a perceptron, each shifted, scaled and gated by the time (adaptive layer norm)."""

    def __init__(self, config: NetworkConfig, *, causal: bool = False):
        super().__init__()
        self.heads, self.softcap, self.dropout, self.causal = config.heads, config.softcap, config.dropout, causal
        width = config.width
        self.attention_norm = nn.LayerNorm(width, bias=False)  # no shift: the modulation brings its own
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.LayerNorm(width, bias=False)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)
        self.modulation = _zero(nn.Linear(config.time_width, 6 * width))

    def forward(
        self, x: Tensor, condition: Tensor, rotary: tuple[Tensor, Tensor], memory: Memory | None = None
    ) -> Tensor:
        """Return (B, L, width), condition (B, 1 or L, time_width) -> (B, L, width)."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(condition).chunk(6, dim=-1)
        attended = self.attention(_modulate(self.attention_norm(x), shift_a, scale_a), rotary, memory)
        x = x + gate_a * F.dropout(attended, self.dropout, self.training)
        hidden = F.gelu(self.mlp_in(_modulate(self.mlp_norm(x), shift_m, scale_m)), approximate="tanh")
        return x + gate_m * F.dropout(self.mlp_out(hidden), self.dropout, self.training)

    def attention(self, x: Tensor, rotary: tuple[Tensor, Tensor], memory: Memory | None = None) -> Tensor:
        """Let every position look at every other, or only back if causal: (B, L, width) -> (B, L, width)."""
        batch, length, width = x.shape
        cos, sin = (part.to(x.dtype) for part in rotary)
        qkv = self.attention_in(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key = Rotary.turn(self.queries_and_keys(qkv[:2]), cos, sin)  # (B, heads, L, head_width)
        value = qkv[2]
        if memory is not None:
            key, value = memory.extend(key, value)  # (B, heads, read, head_width)
        read = key.shape[2]
        visible = None
        if self.causal and length > 1:  # the last token sees all that has been read
            visible = torch.ones(length, read, dtype=torch.bool, device=x.device).tril(read - length)
        if self.softcap or (x.device.type == "cpu" and read <= 256):
            # Written out: for short rows on a CPU this is faster than the fused kernel.
            score = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
            if self.softcap:
                score = self.softcap * torch.tanh(score / self.softcap)
            if visible is not None:
                score = score.masked_fill(~visible, -torch.inf)
            mixed = score.softmax(-1).to(value.dtype) @ value
        elif visible is not None and length == read:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))

    def queries_and_keys(self, both: Tensor) -> Tensor:
        """Return them as attention compares them, before they are turned: (2, B, heads, L, head_width) -> the same."""
        return both


class Head(nn.Module):
    """The last norm, modulated by the time, and the logits; zero at the start, so every token is as likely."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.width, bias=False)
        self.modulation = _zero(nn.Linear(config.time_width, 2 * config.width))
        self.linear = _zero(nn.Linear(config.width, config.vocab_size))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return (B, L, width), condition (B, 1 or L, time_width) -> (B, L, V)."""
        shift, scale = self.modulation(condition).chunk(2, dim=-1)
        return self.linear(_modulate(self.norm(x), shift, scale))


def _without_autocast(device_type: str) -> AbstractContextManager[object]:
    available = torch.amp.is_autocast_available(device_type)  # it is not on meta tensors
    return torch.autocast(device_type, enabled=False) if available else nullcontext()


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale) + shift


def _zero(linear: nn.Linear) -> nn.Linear:
    """Start from zero weights and bias, so that the layer changes nothing at first."""
    nn.init.zeros_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear
