"""What a model asks of its network, so that any network will do.

A network is two classes: its sizes, which are saved with a model (`Architecture`), and the module that they build
(`Network`). `flm_edu.network` has the paper's; a perceptron of ten lines serves as well (tests/test_architecture.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from flm_edu.settings import REQUIRED, Settings, setting


@dataclass(frozen=True)
class Role:
    """What a kind of model needs of a network, whatever the network's sizes.

    Attributes:
        two_times: a flow map tells the network where a jump starts and where it lands.
        causal: a position sees itself and what comes before it.
        extra_tokens: tokens that are read and never written: the mask, or the start of a left-to-right text.
    """

    two_times: bool = False
    causal: bool = False
    extra_tokens: int = 0


class Network(nn.Module):
    """A function from noisy texts and times to logits; subclasses give `forward`, and may give the rest."""

    def forward(self, x: Tensor, tau_s: Tensor, tau_t: Tensor | None = None) -> Tensor:
        """Return logits (B, L, V) for states (B, L, V) or tokens (B, L) int64 at times tau_s, tau_t.

        Times have shape (B,), (1,) or (); tau_t is given if and only if the role has two times.
        """
        raise NotImplementedError

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices that Muon may take; AdamW takes all other weights."""
        return []

    def start_from(self, one_time: nn.Module) -> None:
        """Take over the weights of a network without the second time; the others stay as they are.

        A network that gives the same logits as `one_time` afterwards makes a student that starts at its teacher.
        """
        self.load_state_dict(one_time.state_dict(), strict=False)

    def new_memory(self) -> list[Any]:
        """Return an empty memory (key-value cache) of a causal network.

        Raises:
            ValueError: the network cannot read from left to right.
        """
        raise ValueError(f"{type(self).__name__} has no memory, so it cannot write from left to right")


@dataclass(frozen=True)
class Architecture(Settings):
    """The sizes of a network; a subclass is a frozen dataclass with a name of its own and `build`.

    Raises:
        ValueError: a size is out of its range; names it.
    """

    architecture: ClassVar[str]
    KNOWN: ClassVar[dict[str, type[Architecture]]] = {}

    vocab_size: int = setting(REQUIRED, "Size of the vocabulary, V.", "[2, inf)")
    length: int = setting(REQUIRED, "Length of the longest text, L, in tokens.", "[1, 131072]")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Architecture.KNOWN[cls.architecture] = cls

    def least_weights(self) -> int:
        """Return a number of weights that a network of these sizes has at least; what is read from files is checked by it."""
        return self.vocab_size

    def plain(self) -> Architecture:
        """Return the sizes of a network for any kind of model, without what only some training fills."""
        return self

    def build(self, role: Role) -> Network:
        """Return an untrained network of these sizes for a role.

        Raises:
            ValueError: this kind of network cannot play the role.
        """
        raise NotImplementedError


def count_weights(network: nn.Module) -> int:
    """Return how many numbers training sets."""
    return sum(parameter.numel() for parameter in network.parameters())
