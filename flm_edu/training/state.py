"""The state that a run goes on from: written beside the model, read to resume, refused where it is another run's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from flm_edu.files import check_archive, write_aside
from flm_edu.language_model import LanguageModel

STATE_FOLDER, STATE = "training_state", "state.pt"


class TrainingStopped(RuntimeError):
    """Training cannot go on: says at which step, why, and what is left on disk."""


class TrainingInterrupted(TrainingStopped):
    """Someone asked it to stop (Ctrl-C, SIGTERM)."""


@contextmanager
def only_run(directory: Path) -> Iterator[None]:
    """Keep other runs out of a directory, by a lock that ends with the process, however it ends.

    Raises:
        TrainingStopped: another run writes there.
    """
    place = state_path(directory).with_name(".lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainingStopped(f"another run is writing to {directory}; wait for it, or name another folder") from error
    try:
        yield
    finally:
        lock.release()


def state_path(directory: Path) -> Path:
    """Return where a model directory keeps the state."""
    return directory / STATE_FOLDER / STATE


def write_state(directory: Path, state: Mapping[str, Any], model: LanguageModel, provenance: dict[str, Any]) -> None:
    """Write the state (`run`: what must be the same to go on; `step`) and the model, both or neither.

    Raises:
        TrainingStopped: they cannot be written; the last checkpoint stays whole.
    """
    try:
        with write_aside(directory / STATE_FOLDER, STATE) as (path,):
            torch.save(dict(state), path)
            model.save_pretrained(directory, provenance)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk with a RuntimeError
        raise TrainingStopped(
            f"step {state['step']} could not be saved in {directory} ({error}); what was there before is whole. "
            "Make room; `resume` goes on from it"
        ) from error


def read_state(directory: Path, run: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Read the state of the run whose settings are `run`; a state saved before a setting existed has its default.

    Raises:
        TrainingStopped: there is none, it is damaged, or it belongs to a run with other settings or data.
    """
    path = state_path(directory)
    if not path.is_file():
        raise TrainingStopped(f"`resume`: {path} is not there; start the run without it")
    try:
        check_archive(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # no code in it is run
        saved = {**defaults, **state.get("run", {})}
    except Exception as error:  # torch raises many kinds for damaged files
        raise TrainingStopped(f"`resume`: {path} is damaged ({type(error).__name__}); start the run anew") from error
    changed = [f"{name} {saved.get(name)} -> {run[name]}" for name in run if run[name] != saved.get(name)]
    if changed:
        raise TrainingStopped(
            f"`resume`: the saved run had other settings ({', '.join(changed)}); repeat its command exactly"
        )
    return state
