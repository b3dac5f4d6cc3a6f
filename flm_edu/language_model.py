"""A language model: a network with a tokenizer that samples and is saved as a directory.

The directory is the unit of exchange: config.json, model.safetensors, tokenizer.json and provenance.json. Nothing in
it is executed. `flm_edu.flow` has the flow models, `flm_edu.baselines` what they are compared with.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor, nn

from flm_edu import model_files
from flm_edu.architecture import Architecture, Role
from flm_edu.files import write_aside
from flm_edu.generator import TextGenerator
from flm_edu.model_files import CONFIG, PROVENANCE, TOKENIZER, WEIGHTS, ModelError

M = TypeVar("M", bound="LanguageModel")


class LanguageModel(TextGenerator, nn.Module):
    """A network with a tokenizer; a subclass says how it samples.

    A subclass with a `kind` of its own can be loaded by `load_model`; `ROLE` is what it needs of its network, and
    `settings()` the arguments of its own that config.json keeps.

    Args:
        config: sizes of the network, which they build.
        tokenizer: tokens to text; its vocabulary must be the network's.

    Raises:
        ModelError: the tokenizer has another vocabulary than the network.
    """

    ROLE: ClassVar[Role] = Role()
    KINDS: ClassVar[dict[str, type[LanguageModel]]] = {}
    EXACT_LIKELIHOOD: ClassVar[bool] = False  # whether `likelihood_bound` is -log p itself, with nothing drawn

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in vars(cls):
            LanguageModel.KINDS[cls.kind] = cls

    def __init__(self, config: Architecture, tokenizer: Tokenizer | None = None):
        super().__init__()
        self.config = config
        self.network: nn.Module = config.build(self.ROLE)
        self.tokenizer = tokenizer
        self.provenance: dict[str, Any] = {}
        tokens = 0 if tokenizer is None else 1 + max(tokenizer.get_vocab().values(), default=-1)
        if tokens > config.vocab_size:  # a network may have rows to spare
            raise ModelError(
                f"the tokenizer has {tokens} tokens but the network {config.vocab_size}; "
                "use the tokenizer that the model was trained with"
            )

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments, beside network and tokenizer, that make this model again."""
        return {}

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.config.vocab_size

    @property
    def length(self) -> int:
        """L."""
        return self.config.length

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor | None:
        """Return an upper bound on the mean -log p of texts (B, L), nats per token, 0-d; None where there is none."""
        return None

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample with dropout off."""
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)

    def bare(self: M) -> M:
        """Return the same model, its network taken out of wrappers for many processes or compilation."""
        network = self.network
        while isinstance(inner := getattr(network, "_orig_mod", getattr(network, "module", None)), nn.Module):
            network = inner
        model = copy.copy(self)
        model._modules = {**self._modules, "network": network}
        return model

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens, special tokens left out.

        Raises:
            ModelError: the model has no tokenizer.
        """
        return [text.strip() for text in self._reader().decode_batch(tokens.tolist())]

    def spell(self, token: int) -> str:
        """Return one token as it is written, white space made visible.

        Raises:
            ModelError: the model has no tokenizer.
        """
        text = self._reader().decode([token], skip_special_tokens=False)
        return text.strip() or repr(text)

    def _reader(self) -> Tokenizer:
        if self.tokenizer is None:
            raise ModelError("this model has no tokenizer; set model.tokenizer to read its samples")
        return self.tokenizer

    # --- directories ---------------------------------------------------------------------------

    def save_pretrained(
        self,
        directory: str | Path,
        provenance: dict[str, Any] | None = None,
        *,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Write the model directory; files already there are replaced only once all are written whole.

        Args:
            directory: where to write.
            provenance: what the model says of where it comes from; its own where left out.
            dtype: of the weights in the file, such as torch.float16; as they are where left out.

        Raises:
            OSError: a file cannot be written.
        """
        # The provenance takes its name first: its hashes refuse a directory of which only some files are new.
        names = [PROVENANCE, CONFIG, WEIGHTS] + ([TOKENIZER] if self.tokenizer is not None else [])
        network = {"architecture": self.config.architecture, **asdict(self.config)}
        config = {"model": self.kind, **self.settings(), "network": network}
        weights = {
            name: value.detach().to("cpu", dtype).contiguous() for name, value in self.network.state_dict().items()
        }
        with write_aside(Path(directory), *names) as paths:
            paths[1].write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            paths[2].write_bytes(save(weights))
            if self.tokenizer is not None:
                paths[3].write_text(self.tokenizer.to_str(), encoding="utf-8")
            hashed = {name: path for name, path in zip(names, paths, strict=True) if name in (WEIGHTS, TOKENIZER)}
            facts = {**(provenance or self.provenance), "files": model_files.hashes(hashed)}
            paths[0].write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls: type[M], name: str | Path, device: str | torch.device = "cpu") -> M:
        """Load a model from a directory, the name of a shipped one (`shipped_models`), or a hub id.

        Raises:
            ModelError: nothing is there, a file is damaged or of another shape, or it is another kind of model.
        """
        directory = model_files.find_model(name)
        config = _read_config(directory)
        kind = LanguageModel.KINDS.get(config.pop("model"), cls)
        if not issubclass(kind, cls):
            raise ModelError(f"{directory} holds a {kind.kind!r}, not a {cls.kind!r} ({cls.__name__})")
        provenance = model_files.read_json(directory / PROVENANCE) if (directory / PROVENANCE).is_file() else {}
        model_files.check_hashes(directory, provenance)
        weights = model_files.read_weights(directory)
        model = kind._untrained(directory, config, sum(value.numel() for value in weights.values()))
        try:
            model.network.load_state_dict(weights)  # those of half precision become float32 again
        except RuntimeError as error:
            raise ModelError(f"{directory / WEIGHTS} does not hold what {CONFIG} asks for ({error})") from error
        model.provenance = provenance
        return model.to(device).eval()

    @classmethod
    def _untrained(cls: type[M], directory: Path, config: dict[str, Any], weights: int) -> M:
        """Return the model that config.json describes, which must fit into this number of weights, with its tokenizer."""
        file = directory / TOKENIZER
        try:
            tokenizer = model_files.read_tokenizer(file) if file.is_file() else None
            sizes = dict(config.pop("network"))
            name = sizes.pop("architecture", "dit")
            if name not in Architecture.KNOWN:
                raise ValueError(f"it names the architecture {name!r}; import the module that defines it first")
            shape = Architecture.KNOWN[name](**sizes)
            if shape.least_weights() > weights:  # before anything is allocated
                raise ValueError(f"it asks for {shape.least_weights():,} weights and more; {WEIGHTS} holds {weights:,}")
            return cls(shape, tokenizer, **config)
        except Exception as error:  # tokenizers raises bare Exception; TypeError and KeyError from the config
            raise ModelError(f"{directory}: {CONFIG} or {TOKENIZER} cannot be used ({error})") from error


def load_model(name: str | Path, device: str | torch.device = "cpu") -> LanguageModel:
    """Load whichever model a directory, shipped name or hub id holds.

    Raises:
        ModelError: as `LanguageModel.from_pretrained`.
    """
    return LanguageModel.from_pretrained(name, device)


#: makes a config.json of an earlier version what it would be today; an extension adds its own
UPGRADES: list[Callable[[dict[str, Any]], None]] = []


def _read_config(directory: Path) -> dict[str, Any]:
    config = model_files.read_json(directory / CONFIG)
    network = config.get("network")
    if isinstance(network, dict):
        for name in () if "architecture" in network else ("two_times", "causal", "extra_tokens"):
            network.pop(name, None)  # in version 0.1; the kind of model says it now
        for upgrade in UPGRADES:
            upgrade(config)
    if str(config.get("model")) not in LanguageModel.KINDS:  # all are there: importing any part of flm_edu imports them
        raise ModelError(
            f"{directory / CONFIG} names the model {config.get('model')!r}, which this version does not know"
        )
    return config
