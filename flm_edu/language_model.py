"""A language model: a network with a tokenizer that samples and is saved as a directory."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from flm_edu.files import data_dir, write_aside
from flm_edu.network import DiT, NetworkConfig
from flm_edu.sampling import Trajectory, check_sampling

CONFIG, WEIGHTS, TOKENIZER, PROVENANCE = "config.json", "model.safetensors", "tokenizer.json", "provenance.json"


class ModelError(ValueError):
    """A model directory that cannot be used: names the file and the remedy."""


class LanguageModel(nn.Module):
    """A network with a tokenizer; a subclass says how it samples.

    A subclass with a `kind` of its own can be loaded by `load_model`; `NETWORK` are the settings of its
    network that make it that kind, and `settings()` the arguments of its own that config.json keeps.

    Raises:
        ModelError: the tokenizer has another vocabulary than the network.
    """

    kind: ClassVar[str]
    NETWORK: ClassVar[dict[str, Any]] = {}
    KINDS: ClassVar[dict[str, type[LanguageModel]]] = {}
    SAMPLERS: ClassVar[tuple[str, ...]] = ("standard",)  # ways to sample, the default first
    EXACT_LIKELIHOOD: ClassVar[bool] = False  # whether `likelihood_bound` is -log p itself, with nothing drawn

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in vars(cls):
            LanguageModel.KINDS[cls.kind] = cls

    def __init__(self, config: NetworkConfig, tokenizer: Tokenizer | None = None):
        super().__init__()
        self.config = replace(config, **{"two_times": False, "causal": False, "extra_tokens": 0, **self.NETWORK})
        self.network: nn.Module = DiT(self.config)
        self.tokenizer = tokenizer
        self.provenance: dict[str, Any] = {}
        self.sampler = self.SAMPLERS[0]  # a choice of whoever samples; not saved
        if tokenizer is not None and tokenizer.get_vocab_size() != config.vocab_size:
            raise ModelError(
                f"the tokenizer has {tokenizer.get_vocab_size()} tokens but the network {config.vocab_size}; "
                "use the tokenizer that the model was trained with"
            )

    def settings(self) -> dict[str, Any]:
        """Keyword arguments, beside network and tokenizer, that make this model again."""
        return {}

    @property
    def fixed_steps(self) -> int | None:
        """The network evaluations of a sample where `steps` cannot choose them."""
        return None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor | None:
        """An upper bound on the mean -log p of texts (B, L), nats per token, 0-d; None where there is none."""
        return None

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """What `sample` does, once its arguments are checked and dropout is off."""
        raise NotImplementedError

    @overload
    def sample(
        self, n: int, steps: int, *, generator: torch.Generator | None = None, record: Literal[False] = False
    ) -> Tensor: ...
    @overload
    def sample(
        self, n: int, steps: int, *, generator: torch.Generator | None = None, record: Literal[True]
    ) -> Trajectory: ...
    @torch.no_grad()
    def sample(
        self, n: int, steps: int, *, generator: torch.Generator | None = None, record: bool = False
    ) -> Tensor | Trajectory:
        """n sequences in `steps` network evaluations each: (n, L) int64, or with `record` a `Trajectory`.

        The same generator state gives the same tokens. Dropout is off while sampling.

        Raises:
            ValueError: n or steps below 1, or `sampler` is not one of `SAMPLERS`.
        """
        check_sampling(n, steps)
        if self.sampler not in self.SAMPLERS:
            raise ValueError(f"sampler {self.sampler!r} is unknown; a {self.kind} has {', '.join(self.SAMPLERS)}")
        training = self.training
        self.eval()
        try:
            return self.generate(n, steps, generator, record=record)
        finally:
            self.train(training)

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of (B, L) tokens, special tokens left out.

        Raises:
            ModelError: the model has no tokenizer.
        """
        if self.tokenizer is None:
            raise ModelError("this model has no tokenizer; set model.tokenizer to read its samples")
        return [text.strip() for text in self.tokenizer.decode_batch(tokens.tolist())]

    # --- directories ---------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Write the model directory; files already there are replaced only once all are written whole."""
        names = [CONFIG, WEIGHTS, PROVENANCE] + ([TOKENIZER] if self.tokenizer is not None else [])
        config = {"model": self.kind, **self.settings(), "network": asdict(self.config)}
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        with write_aside(Path(directory), *names) as paths:
            paths[0].write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            try:
                save_file(weights, paths[1])
            except SafetensorError as error:  # its own type, for a full disk too
                raise OSError(f"cannot write {Path(directory) / WEIGHTS} ({error})") from error
            paths[2].write_text(json.dumps(provenance or self.provenance, indent=2) + "\n", encoding="utf-8")
            if self.tokenizer is not None:
                paths[3].write_text(self.tokenizer.to_str(), encoding="utf-8")

    @classmethod
    def from_pretrained(cls: type[M], name: str | Path, device: str | torch.device = "cpu") -> M:
        """A model from a directory, the name of a shipped one (`shipped_models`), or a hub id.

        Raises:
            ModelError: nothing is there, a file is damaged or of another shape, or it is another kind of model.
        """
        directory = find_model(name)
        config = _read_json(directory / CONFIG)
        if config.get("model") != cls.kind:
            raise ModelError(f"{directory} holds a {config.get('model')!r}, not a {cls.kind!r} ({cls.__name__})")
        tokenizer_file = directory / TOKENIZER
        try:
            tokenizer = Tokenizer.from_file(str(tokenizer_file)) if tokenizer_file.is_file() else None
            settings = {name: value for name, value in config.items() if name not in ("model", "network")}
            model = cls(NetworkConfig(**config["network"]), tokenizer, **settings)
        except ModelError:
            raise
        except Exception as error:  # tokenizers raises bare Exception; TypeError and KeyError from the config
            raise ModelError(f"{directory}: {CONFIG} or {TOKENIZER} is damaged ({error})") from error
        weights = directory / WEIGHTS
        try:
            model.network.load_state_dict(load_file(weights))
        except Exception as error:  # safetensors raises its own error type and OSError, torch RuntimeError
            raise ModelError(
                f"{weights} is missing, truncated or damaged, or not what {CONFIG} asks for; copy or train the model "
                f"again ({error})"
            ) from error
        if (directory / PROVENANCE).is_file():
            model.provenance = _read_json(directory / PROVENANCE)
        return model.to(device).eval()


M = TypeVar("M", bound=LanguageModel)


def load_model(name: str | Path, device: str | torch.device = "cpu") -> LanguageModel:
    """Whichever model a directory, shipped name or hub id holds; "name@sampler" chooses one of its `SAMPLERS`.

    Raises:
        ModelError: as `LanguageModel.from_pretrained`, or it has no such sampler.
    """
    place, _, sampler = str(name).rpartition("@")
    if place and not Path(name).exists():
        model = load_model(place, device)
        if sampler not in model.SAMPLERS:
            raise ModelError(f"{name}: a {model.kind} is sampled by {' or '.join(model.SAMPLERS)}, not {sampler!r}")
        model.sampler = sampler
        return model
    directory = find_model(name)
    kind = str(_read_json(directory / CONFIG).get("model"))
    if kind not in LanguageModel.KINDS:  # all are there: importing any part of flm_edu imports the baselines
        raise ModelError(f"{directory / CONFIG} names the model {kind!r}, which this version does not know")
    return LanguageModel.KINDS[kind].from_pretrained(directory, device)


def shipped_models() -> list[str]:
    """Names of the trained models that come with the package."""
    return sorted(path.parent.name for path in (data_dir() / "checkpoints").glob(f"*/{CONFIG}"))


def find_model(name: str | Path) -> Path:
    """The directory of a model: a path, a shipped name, or a hub id, which is downloaded.

    Raises:
        ModelError: none of these.
    """
    for directory in (Path(name), data_dir() / "checkpoints" / str(name)):
        if (directory / CONFIG).is_file():
            return directory
    if Path(name).exists():
        raise ModelError(f"{name} is no model directory: it holds no {CONFIG}")
    shipped = ", ".join(shipped_models()) or "none"
    if str(name).count("/") == 1:
        import huggingface_hub

        try:
            return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=["*.json", "*.safetensors"]))
        except Exception as error:  # the hub's client raises many kinds; all mean that it is not to be had
            raise ModelError(
                f"no model {str(name)!r}: no such directory, and the hub says {type(error).__name__} ({error}); "
                f"shipped models: {shipped}"
            ) from error
    raise ModelError(f"no model {str(name)!r}: give a model directory, a hub id, or a shipped model ({shipped})")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} must hold a JSON object")
    return content
