"""Loading the authors' published checkpoints (PyTorch Lightning files) without running anything in them.

A Lightning file is a pickle, and a pickle is a program. The reader below runs none of it: it knows how
to make tensors and plain containers, keeps objects of the libraries such files mention (omegaconf,
transformers, ...) as inert records, and refuses everything else by name.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.files import check_archive
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.model_files import ModelError
from flm_edu.network import NetworkConfig

SOFTCAP = 50.0  # the authors' attention caps its scores there

# Their names -> ours, for parts outside and inside the blocks.
_PARTS = {
    "vocab_embed.embedding": "embedding.weight",
    "sigma_map.mlp.0": "time_embedding.first",
    "sigma_map.mlp.2": "time_embedding.last",
    "sigma_map_prime.mlp.0": "second_time_embedding.first",
    "sigma_map_prime.mlp.2": "second_time_embedding.last",
    "output_layer.norm_final": "head.norm",
    "output_layer.linear": "head.linear",
    "output_layer.adaLN_modulation": "head.modulation",
    "norm1": "attention_norm",
    "attn_qkv": "attention_in",
    "attn_out": "attention_out",
    "norm2": "mlp_norm",
    "mlp.0": "mlp_in",
    "mlp.2": "mlp_out",
    "adaLN_modulation": "modulation",
}


def load_reference_checkpoint(path: str | Path) -> FlowLM | FlowMapLM:
    """Load a published FLM or FMLM checkpoint as a model; its averaged weights are taken.

    Sizes and head count come from the weights and, where it is there, the stored configuration. A
    network with a second time embedding is a flow map. The tokenizer is not read: set
    `model.tokenizer` to decode.

    Raises:
        ModelError: the file is missing, truncated, of another layout, or tries to run code; in the
            last case the message names what was refused.
    """
    path = Path(path)
    content = read_checkpoint(path)
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ModelError(f"{path} holds no 'state_dict'; it is not a Lightning checkpoint of the published code")
    named = {_bare(str(name)): value for name, value in state.items() if isinstance(value, Tensor)}
    weights = {name.removeprefix("backbone."): v for name, v in named.items() if name.startswith("backbone.")}
    inv_freq = weights.pop("rotary_emb.inv_freq", None)
    if "vocab_embed.embedding" not in weights:
        raise ModelError(
            f"{path} has no 'backbone.vocab_embed.embedding'; it is not a checkpoint of the published code"
        )

    try:
        weights = _averaged(content.get("ema"), weights, path)
        return _build(weights, inv_freq, content.get("hyper_parameters"), path)
    except ModelError:
        raise
    except Exception as error:  # sizes of all kinds can be wrong
        raise ModelError(f"{path} has other layers or settings than the published network ({error!r})") from error


def _build(weights: dict[str, Tensor], inv_freq: Tensor | None, settings: Any, path: Path) -> FlowLM | FlowMapLM:
    vocab_size, width = weights["vocab_embed.embedding"].shape
    stored = _inside(_inside(settings, "config"), "model")
    heads = _inside(stored, "n_heads") or (width // (2 * len(inv_freq)) if inv_freq is not None else None)
    length = _inside(stored, "length") or 1024
    if not heads:
        raise ModelError(f"{path} stores neither a configuration nor rotary frequencies; the head count is unknown")
    config = NetworkConfig(
        vocab_size=vocab_size,
        length=int(length),
        width=width,
        blocks=1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks.")),
        heads=int(heads),
        time_width=weights["sigma_map.mlp.2.bias"].shape[0],
        softcap=SOFTCAP,
    )
    two_times = any(name.startswith("sigma_map_prime.") for name in weights)
    model: FlowLM | FlowMapLM = (FlowMapLM if two_times else FlowLM)(config)
    renamed = {
        _our_name(name): value for name, value in weights.items() if not name.startswith("learnable_loss_weighting.")
    }
    model.network.load_state_dict(renamed)
    return model.eval()


def _bare(name: str) -> str:
    """Return a name without the wrappers that other trainings leave in it."""
    wrappers = ("module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")
    return ".".join(part for part in name.split(".") if part not in wrappers)


def _our_name(name: str) -> str:
    prefix, rest = "", name
    if name.startswith("blocks."):
        _, number, rest = name.split(".", 2)
        prefix = f"blocks.{number}."
    for theirs, ours in _PARTS.items():
        if rest == theirs or rest.startswith(theirs + "."):
            return prefix + ours + rest[len(theirs) :]
    return name  # unknown: loading the state will say so


def _averaged(ema: Any, weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the moving averages, which are stored as a list in the order of the parameters."""
    shadow = ema.get("shadow_params") if isinstance(ema, dict) else None
    if not shadow:
        return weights
    if [tuple(v.shape) for v in shadow] != [tuple(v.shape) for v in weights.values()]:
        raise ModelError(f"{path}: the averaged weights do not match the network's parameters in number or shape")
    return dict(zip(weights, shadow, strict=True))


# --- reading a pickle without running it --------------------------------------------------------

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_INERT_LIBRARIES = (
    *("omegaconf", "transformers", "tokenizers", "typing", "pathlib", "lightning", "pytorch_lightning", "hydra"),
    *("torch", "numpy", "argparse", "datetime", "collections"),
)
_PLAIN_TYPES = {kind.__name__: kind for kind in (dict, list, set, tuple, int, float, complex, str, bool)}


class _Inert:
    """Stands for an object of a library: keeps what the file says of it and does nothing."""

    state: Any = None

    def __init__(self, *args: Any, **kwargs: Any):
        """Take any arguments, and use none."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Ignore an item of a dict subclass, which nothing needs."""

    def append(self, value: Any) -> None:
        """Ignore an item of a list subclass, which nothing needs."""


def read_checkpoint(path: str | Path) -> Any:
    """Read the content of a file written by torch.save, without running code from it.

    Raises:
        ModelError: the file is missing, truncated, or asks for anything but data; the message names it.
    """
    try:
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            program = archive.read(pickled)
            for operation, argument, _ in pickletools.genops(program):  # which allocates nothing
                if "PUT" in operation.name and int(argument or 0) > len(program):
                    raise ModelError(f"{path} was refused: it asks for a memory that only an attack would need")
            return _Reader(io.BytesIO(program), archive, pickled.removesuffix("data.pkl"), path).load()
    except ModelError:
        raise
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"{path} is no zip file: truncated, another kind of file, or written by torch before 1.6 (load it with "
            "torch and save it again)"
        ) from error
    except Exception as error:  # a damaged file can make zipfile, zlib, pickle or torch raise anything
        raise ModelError(f"{path} cannot be read as a checkpoint (missing, truncated or damaged: {error})") from error


class _Reader(pickle.Unpickler):
    def __init__(self, file: Any, archive: zipfile.ZipFile, root: str, path: str | Path):
        super().__init__(file, encoding="utf-8")
        self.archive, self.root, self.path = archive, root, path

    def find_class(self, module: str, name: str) -> Any:
        """Return what a file may use by name; none of it imports or runs anything of the file's choice."""
        if module == "torch" and name in _DTYPES:
            return name
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return _tensor if name == "_rebuild_tensor_v2" else lambda data, *rest: data
        if module in ("builtins", "__builtin__") and name in _PLAIN_TYPES:
            return _PLAIN_TYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("collections", "defaultdict"):
            return defaultdict
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding="latin1": text.encode("latin1")
        if module.split(".")[0] in _INERT_LIBRARIES:
            return _Inert
        raise ModelError(
            f"{self.path} was refused: it asks to use {module}.{name}, which could run code on this machine"
        )

    def persistent_load(self, pid: Any) -> Tensor:
        """Return a stored block of numbers."""
        _, kind, key, _, count = pid
        block = bytearray(self.archive.read(f"{self.root}data/{key}"))
        if len(block) != count * _DTYPES[kind].itemsize:
            raise ModelError(f"{self.path} is damaged: block {key} does not have the {count} numbers that it claims")
        return torch.frombuffer(block, dtype=_DTYPES[kind]) if count else torch.empty(0, dtype=_DTYPES[kind])


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any) -> Tensor:
    if math.prod(size) > storage.numel():
        raise ValueError(f"a tensor of shape {tuple(size)} out of {storage.numel()} numbers")
    return torch.as_strided(storage, size, stride, offset).clone()


def _inside(value: Any, name: str) -> Any:
    """Return what a dictionary or an inert omegaconf record holds under a name; None for nothing."""
    if isinstance(value, _Inert) and isinstance(value.state, dict):
        value = value.state.get("_content", value.state)
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, _Inert) and isinstance(found.state, dict) and "_val" in found.state:
        return found.state["_val"]
    return found
