"""The state that a run goes on from: written beside the model, read to resume, refused where it is another run's."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from flm_edu.files import check_archive, write_aside

STATE_FOLDER, STATE, BEFORE = "training_state", "state.pt", "before.pt"


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
    """Return where a model directory keeps the latest state."""
    return directory / STATE_FOLDER / STATE


def saved_states(directory: Path) -> list[Path]:
    """Return the states that are there, the latest first; a run keeps its last two."""
    latest = state_path(directory)
    return [path for path in (latest, latest.with_name(BEFORE)) if path.is_file()]


@contextmanager
def write_state(directory: Path, state: Mapping[str, Any], good: Path | None) -> Iterator[None]:
    """Write the state (`run`: what must be the same to go on; `step`) and, in the block, what belongs to it.

    The state takes its name last, so where it is, the rest is too.

    Args:
        directory: model directory.
        state: what to save.
        good: the state this run saved last or was read from, which is kept as the one before; None: it has none yet.

    Raises:
        TrainingStopped: they cannot be written; the last checkpoint stays whole.
    """
    latest = state_path(directory)
    before = latest.with_name(BEFORE)
    try:
        with write_aside(latest.parent, STATE) as (path,):
            torch.save(dict(state), path)
            yield
            if good is None:
                before.unlink(missing_ok=True)  # of an earlier run
            elif good == latest and latest.is_file():
                os.replace(latest, before)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk with a RuntimeError
        raise TrainingStopped(
            f"step {state['step']} could not be saved in {directory} ({error}); what was there before is whole. "
            "Make room; `resume` goes on from it"
        ) from error


def read_state(directory: Path, run: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[dict[str, Any], Path]:
    """Read the state of the run whose settings are `run`, and say where it was; a damaged one is passed over.

    A state saved before a setting existed has its default.

    Raises:
        TrainingStopped: there is none, all are damaged, or it belongs to a run with other settings or data.
    """
    paths = saved_states(directory)
    if not paths:
        raise TrainingStopped(f"`resume`: {state_path(directory)} is not there; start the run without it")
    for path in paths:
        try:
            state = _load(path)
            break
        except Exception as error:  # torch raises many kinds for damaged files
            damaged = f"`resume`: {path} is damaged ({type(error).__name__})"
            if path == paths[-1]:
                raise TrainingStopped(f"{damaged}; start the run anew") from error
            warnings.warn(f"{damaged}; the run goes on from the state before it", stacklevel=2)
    saved = {**defaults, **state.get("run", {})}
    changed = [f"{name} {saved.get(name)} -> {run[name]}" for name in run if run[name] != saved.get(name)]
    if changed:
        raise TrainingStopped(
            f"`resume`: the saved run had other settings ({', '.join(changed)}); repeat its command exactly"
        )
    return state, path


def _load(path: Path) -> dict[str, Any]:
    check_archive(path)  # torch does not compare the checksums
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # no code in it is run
    if not isinstance(state, dict) or not isinstance(state.get("run", {}), dict):
        raise ValueError(f"{path} holds no state of a run")
    return state
