"""What every language model here has in common, and the two flow models.

`LanguageModel` is a network with a tokenizer that samples and is saved as a directory: config.json,
model.safetensors, tokenizer.json and provenance.json. Nothing in such a directory is executed.
`FlowLM` and `FlowMapLM` add a clock, and hold what the mathematics needs (denoiser, velocity, flow map)
over what the network gives (logits). The discrete models they are compared with are in `baselines/`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from flm_edu.files import data_dir, write_aside
from flm_edu.interpolant import expand_time, flow_map_from_two_time_denoiser, velocity_from_denoiser
from flm_edu.network import DiT, NetworkConfig
from flm_edu.sampling import Trajectory, check_sampling, gaussian_noise, integrate
from flm_edu.schedule import Schedule, ScheduleName, load_schedule

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


Reader = Literal["linear", "soft"]


class _FlowModel(LanguageModel):
    """What the flow and its flow map share: a clock, a way to read noise, and one loop from noise to tokens."""

    def __init__(
        self,
        config: NetworkConfig,
        tokenizer: Tokenizer | None = None,
        schedule: ScheduleName = "decoding-error",
        reader: Reader = "linear",
    ):
        super().__init__(config, tokenizer)
        if reader not in get_args(Reader):
            raise ModelError(f"reader {reader!r} is unknown; choose one of {', '.join(get_args(Reader))}")
        self.reader = reader
        self.schedule_name = schedule
        self.schedule: Schedule = load_schedule(schedule, config.vocab_size)

    def settings(self) -> dict[str, Any]:
        """The names of clock and reader."""
        return {"schedule": self.schedule_name, "reader": self.reader}

    def read(self, x: Tensor, tau: Tensor) -> Tensor:
        """What the network is shown of x (B, L, V) at clock values tau (B,): x itself, or its softmax: (B, L, V).

        A network hears V entries of noise through a first layer of some width. Where V is the larger, they arrive
        sqrt(V / width) times as loud against the signal, and above a few thousand tokens drown it. The softmax, at a
        temperature that falls with the noise, keeps the few largest entries, where the token is if it can be told;
        up to a constant nothing is lost, but small entries become too small to hear. An experiment, not part of the
        published method, which reads x; docs/RESULTS.md has where it helps and where it hurts.
        """
        if self.reader == "linear":
            return x
        temperature = 2 * (1 - self.schedule.t(tau)) / math.log(x.shape[-1])
        return (x / expand_time(temperature.clamp_min(1e-3), x)).softmax(-1)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """The point of the simplex that one sampling step from s to t moves towards."""
        raise NotImplementedError

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """Noise carried to tokens by `integrate`."""
        noise = gaussian_noise((n, self.config.length, self.config.vocab_size), generator, self.device)
        return integrate(self.step_denoiser, noise, self.schedule, steps, record=record)


class FlowLM(_FlowModel):
    """A flow language model: a network that predicts the clean tokens from a noisy mixture.

    Args:
        config: sizes of the network.
        tokenizer: tokens to text; its vocabulary must be the network's.
        schedule: the clock, "decoding-error" or "uniform".
        reader: how the network reads a noisy token (`read`), "linear" as published or "soft".

    Raises:
        ModelError: the tokenizer has another vocabulary, or there is no such reader.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-lm"

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """The network's output: x (B, L, V) at clock values tau (B,) -> (B, L, V) float."""
        return self.network(self.read(x, tau), tau).float()

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """D_t(x), the token posterior: x (B, L, V) at mixing times t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(t)).softmax(-1)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """b_t(x) = (D_t(x) - x) / (1 - t): x (B, L, V), t (B,) -> (B, L, V)."""
        return velocity_from_denoiser(self.denoiser(x, t), x, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """D_s(x): an Euler step takes the denoiser at its start for the whole interval."""
        return self.denoiser(x, s)


class FlowMapLM(_FlowModel):
    """A flow map language model: a network that knows where the flow lands, from any time to any later one.

    Args and Raises: as `FlowLM`. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-map-lm"
    NETWORK: ClassVar[dict[str, Any]] = {"two_times": True}

    @classmethod
    def from_flow_lm(cls, teacher: FlowLM) -> FlowMapLM:
        """A student with the teacher's weights: the second time changes nothing until it is trained."""
        student = cls(teacher.config, teacher.tokenizer, **teacher.settings())
        network = student.network
        assert isinstance(network, DiT)
        assert network.second_time_embedding is not None
        missing, unexpected = network.load_state_dict(teacher.network.state_dict(), strict=False)
        if unexpected or any(not name.startswith("second_time_embedding.") for name in missing):
            raise AssertionError(f"student and teacher differ: {missing=}, {unexpected=}")
        nn.init.zeros_(network.second_time_embedding.last.weight)
        nn.init.zeros_(network.second_time_embedding.last.bias)
        return student.to(teacher.device)

    def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """The network's output: x (B, L, V) at clock values tau_s, tau_t (B,) -> (B, L, V) float."""
        return self.network(self.read(x, tau_s), tau_s, tau_t).float()

    def every_block(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """The guesses of a network that has any, then its output: as `logits`, but (blocks, B, L, V)."""
        return self.network(self.read(x, tau_s), tau_s, tau_t, every_block=True).float()

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x): x (B, L, V) at mixing times s <= t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(s), self.schedule.tau(t)).softmax(-1)

    def flow_map(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """X_{s,t}(x), where the flow carries x from time s to time t: (B, L, V), s, t (B,) -> (B, L, V)."""
        return flow_map_from_two_time_denoiser(self.two_time_denoiser(x, s, t), x, s, t)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """D_t(x) = delta_{t,t}(x), the diagonal: (B, L, V), t (B,) -> (B, L, V) on the simplex."""
        return self.two_time_denoiser(x, t, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x): a jump knows the average over the whole interval."""
        return self.two_time_denoiser(x, s, t)


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
