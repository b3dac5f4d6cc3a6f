"""A flow map that guesses on its way: one evaluation walks the teacher's whole path. An extension, not in the paper.

Where two texts suit a noise almost equally well, a plain network takes words of both. The flow does not: it decides in
small steps, and each sees the last one's decision. Here every block but the last says what the text looks like, the
next block reads it, and each is taught the teacher's denoiser after its share of the path. docs/RESULTS.md has what
each part is worth.

Nearest published relatives: looped flows, in which one denoiser is read again at rising times; speech recognition that
reads its own guesses in one pass (Nozaki and Komatsu 2021, arXiv 2104.02724); self-conditioning as a fixed point
(FMLM*, arXiv 2607.00714). Queries and keys of one length come from translation (Henry et al. 2020, arXiv 2010.04245).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flm_edu.architecture import Network, Role, count_weights
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language_model import UPGRADES
from flm_edu.methods import DISTILLATIONS, Distillation, flow_map_of, size_like
from flm_edu.network import Block, DiT, Memory, NetworkConfig
from flm_edu.objectives.flow_map import FlowMapOptions, SemigroupDistillation, divergence, walk
from flm_edu.objectives.objective import Loss, StepContext
from flm_edu.settings import setting

UNIT = 0.8  # root mean square of a query's or key's entries; arXiv 2010.04245 learns it
GUESS_WEIGHT = 3.0  # of the guesses' mean divergence, where the answer's has 1


# --- the network --------------------------------------------------------------------------------


@dataclass(frozen=True)
class GuessingConfig(NetworkConfig):
    """The sizes of a `GuessingDiT`.

    Raises:
        ValueError: a size is out of its range; names it.
    """

    architecture: ClassVar[str] = "guessing-dit"

    unit_attention: bool = setting(True, "Give queries and keys one length, so that only their directions count.")
    guesses: bool = setting(True, "Let every block but the last guess the text, and the next one read the guess.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.guesses and self.blocks < 2:
            raise ValueError(f"`guesses` need 2 blocks or more, as the last one answers; `blocks` is {self.blocks}")

    def plain(self) -> NetworkConfig:
        """Return the sizes of a DiT, which does not guess."""
        return NetworkConfig(**{field.name: getattr(self, field.name) for field in fields(NetworkConfig)})

    def build(self, role: Role) -> Network:
        """Return an untrained `GuessingDiT`."""
        return GuessingDiT(self, role)


class GuessingDiT(DiT):
    """A DiT whose blocks read each other's guesses of the text.

    Raises:
        ValueError: as `DiT`; every block asked for of a network without guesses.
    """

    config: GuessingConfig

    def __init__(self, config: GuessingConfig, role: Role | None = None):
        super().__init__(config, role)
        self.guesses = nn.ModuleList(Guess(config) for _ in range(config.blocks - 1)) if config.guesses else None

    def make_block(self) -> Block:
        """Return one untrained block, with queries and keys of one length if the sizes say so."""
        return (UnitBlock if self.config.unit_attention else Block)(self.config, causal=self.role.causal)

    def forward(
        self,
        x: Tensor,
        tau_s: Tensor,
        tau_t: Tensor | None = None,
        memory: list[Memory] | None = None,
        every_block: bool = False,
    ) -> Tensor:
        """Return logits (B, L, V); with `every_block` the guesses and then the answer, (blocks, B, L, V)."""
        if every_block and self.guesses is None:
            raise ValueError("only a network with guesses has something to say in every block")
        hidden, condition, rotary = self.enter(x, tau_s, tau_t, memory)
        said: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            hidden = block(hidden, condition, rotary, None if memory is None else memory[i])
            if self.guesses is not None and i < len(self.guesses):
                hidden, guess = self.guesses[i](hidden)
                said.append(guess)
        answer = self.head(hidden, condition)
        return torch.stack([*said, answer]) if every_block else answer


class UnitBlock(Block):
    """A block whose queries and keys all have one length."""

    def queries_and_keys(self, both: Tensor) -> Tensor:
        """Return them at the same length: (2, B, heads, L, head_width) -> the same."""
        return UNIT * F.rms_norm(both, both.shape[-1:])


class Guess(nn.Module):
    """What the text looks like so far, put into words and read again: a decision that all later blocks share.

    Without it, a tie between two texts that a block leaves open may fall one way at one position and another way at
    the next. Training has to say what the guesses should be (`PathDistillation`).
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.width, elementwise_affine=False)
        self.say = nn.Linear(config.width, config.vocab_size, bias=False)
        self.read = nn.Linear(config.vocab_size, config.width, bias=False)
        nn.init.zeros_(self.read.weight)  # changes nothing at first

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (B, L, width) with the guess read, and the guess as logits (B, L, V)."""
        guess = self.say(self.norm(x))
        return x + self.read(guess.float().softmax(-1)), guess


# --- the model ----------------------------------------------------------------------------------


class PathMapLM(FlowMapLM):
    """A flow map whose network guesses on its way.

    Args and Raises: as `FlowMapLM`; the sizes are those of a `GuessingConfig`.
    """

    kind = "path-map-lm"

    def every_block(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the guesses, then the answer: as `logits`, but (blocks, B, L, V)."""
        return self.network(x, tau_s, tau_t, every_block=True).float()


def path_student(teacher: FlowLM) -> FlowMapLM:
    """Return a flow map that guesses on its way, untrained, with as many weights as the teacher's own map would have.

    Where that would leave too little of the time embedding, the guesses come on top.

    Raises:
        ValueError: the guesses would be more than half of that again, or there is only one block.
    """
    if not isinstance(teacher.config, NetworkConfig) or teacher.config.blocks < 2:
        raise ValueError("`method` path needs a teacher of 2 blocks or more; use semigroup")
    pattern = flow_map_of(teacher)
    shape = GuessingConfig(**asdict(teacher.config))
    config = cast(GuessingConfig, size_like(pattern, PathMapLM, shape))
    if config.time_width < shape.time_width / 2:
        config = shape
    student = PathMapLM(config, teacher.tokenizer, **teacher.settings())
    ratio = count_weights(student.network) / count_weights(pattern.network)
    if ratio > 1.5:
        raise ValueError(
            f"`method` path would make the network {ratio:.1f} times as large, as every block but the last guesses among "
            f"{config.vocab_size:,} tokens; use semigroup"
        )
    return student.to(teacher.device)


# --- the objective ------------------------------------------------------------------------------


class PathDistillation(SemigroupDistillation):
    """Block k says where the teacher's path has got to by then.

    The answer is to be the end of `jumps` Euler steps of the teacher from s to t, composed; the guess of block
    k = 1, 2, ... of `blocks` is to be the teacher's denoiser when the share (k-1) / (blocks-1) of them is done. What
    the end hides, how a decision was made and how close it was, is taught with it. Args as `FlowMapObjective`.

    Raises:
        ValueError: as `FlowMapObjective`, or `target` is not "teacher".
    """

    part = "path_kl"

    def __init__(self, teacher: FlowLM, options: FlowMapOptions, init: FlowMapLM | None = None, *, keep: bool = False):
        super().__init__(teacher, options, init, keep=keep)
        if self.options.target != "teacher":
            raise ValueError(f"a path is the teacher's: `target` must be teacher, not {self.options.target}")

    def target(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, context: StepContext) -> Tensor:
        """Return what the guesses are to be, then the answer: (blocks, B, L, V) on the simplex."""
        guesses = cast(GuessingConfig, model.config).blocks - 1
        taught = [k * self.options.jumps // guesses for k in range(guesses)]
        seen: dict[int, Tensor] = {}
        with self.jump(model, context) as jump:
            for number, (denoiser, composed) in enumerate(
                walk(jump, model.schedule, x_s, tau_s, tau_t, self.options.jumps)
            ):
                answer = composed
                if number in taught:
                    seen[number] = denoiser
        return torch.stack([*(seen[number] for number in taught), answer])

    def targets(
        self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, clean: Tensor, context: StepContext
    ) -> Tensor:
        """Return the targets of every block: (blocks, B, L, V); on the diagonal they are all D_t."""
        n = len(clean)
        target = self.target(model, x_s[n:], tau_s[n:], tau_t[n:], context)
        diagonal = self.diagonal(x_s[:n], tau_s[:n], clean)
        return torch.cat([diagonal.expand(len(target), -1, -1, -1), target], dim=1)

    def compare(
        self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, target: Tensor, n_diagonal: int
    ) -> Loss:
        """Return how far every block is from its target, the guesses weighed by `GUESS_WEIGHT`."""
        each = divergence(target, cast(PathMapLM, model).every_block(x_s, tau_s, tau_t))  # (blocks, B)
        guesses = each[:-1].mean()
        loss = each[-1].mean() + GUESS_WEIGHT * guesses
        return Loss(loss, {**self.parts(each[-1], n_diagonal), "guess_kl": guesses.detach()})


# --- how the core comes to know it --------------------------------------------------------------


def _upgrade(config: dict[str, Any]) -> None:
    """Bring a config.json of version 0.1 up to date, where these were flags of every network and the kind was a plain map's."""
    network = config["network"]
    if "architecture" not in network:
        flags = {name: network.pop(name, False) for name in ("unit_attention", "guesses")}
        if any(flags.values()):
            network.update(architecture=GuessingConfig.architecture, **flags)
            if config["model"] == FlowMapLM.kind:
                config["model"] = PathMapLM.kind


UPGRADES.append(_upgrade)
DISTILLATIONS["path"] = Distillation(
    FlowLM, PathDistillation, defaults={"target": "teacher", "jumps": 16}, student=path_student
)
