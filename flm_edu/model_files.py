"""Model directories as files: where they are, what is in them, and whether it is what was saved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.files import data_dir

CONFIG, WEIGHTS, TOKENIZER, PROVENANCE = "config.json", "model.safetensors", "tokenizer.json", "provenance.json"


class ModelError(ValueError):
    """A model directory that cannot be used: names the file and the remedy."""


def shipped_models() -> list[str]:
    """Return the names of the trained models that come with the package."""
    return sorted(path.parent.name for path in (data_dir() / "checkpoints").glob(f"*/{CONFIG}"))


def find_model(name: str | Path) -> Path:
    """Return the directory of a model: a path, a shipped name, or a hub id, which is downloaded.

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
            config = read_json(Path(huggingface_hub.hf_hub_download(str(name), CONFIG)))
            if "network" not in config:
                raise ModelError(f"{name} is no model of this package: its {CONFIG} names no network")
            files = [CONFIG, WEIGHTS, TOKENIZER, PROVENANCE]
            return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=files))
        except ModelError:
            raise
        except Exception as error:  # the hub's client raises many kinds; all mean that it is not to be had
            raise ModelError(
                f"no model {str(name)!r}: no such directory, and the hub says {type(error).__name__} ({error}); "
                f"shipped models: {shipped}"
            ) from error
    raise ModelError(f"no model {str(name)!r}: give a model directory, a hub id, or a shipped model ({shipped})")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelError: the file is missing or holds anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} must hold a JSON object")
    return content


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer, whose tokens must have ids of their own.

    Raises:
        ValueError: two tokens have one id.
    """
    tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8-sig"))
    vocabulary = tokenizer.get_vocab()
    if len(set(vocabulary.values())) < len(vocabulary):
        raise ValueError(f"two tokens of {path} have one id")
    return tokenizer


def read_weights(directory: Path) -> dict[str, Tensor]:
    """Read the weights of a model directory.

    Raises:
        ModelError: they are missing or damaged, or a number is NaN or infinite.
    """
    path = directory / WEIGHTS
    try:
        weights = load(path.read_bytes())  # by bytes: a path that is not ASCII stops the library in some locales
        wrong = [name for name, value in weights.items() if not bool(value.isfinite().all())]
    except Exception as error:  # safetensors raises its own error type
        raise ModelError(f"{path} is missing, truncated or damaged; copy or train the model again ({error})") from error
    for name in wrong:
        raise ModelError(f"{path} is damaged: {name} holds numbers that are NaN or infinite; train the model again")
    return weights


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """Return a hash of the content of each file, by name."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def check_hashes(directory: Path, provenance: Mapping[str, Any]) -> None:
    """Compare the files with what was saved, where the provenance says so.

    Raises:
        ModelError: a file is not the one that was saved.
    """
    saved = provenance.get("files")
    for name, wanted in saved.items() if isinstance(saved, dict) else ():
        path = directory / Path(str(name)).name
        if path.is_file() and hashes({name: path}) != {name: wanted}:
            raise ModelError(f"{path} is not the file that was saved with the model; copy or train the model again")
