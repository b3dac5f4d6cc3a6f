"""What ends a training from outside: Ctrl-C and termination signals, and other processes that are gone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flm_edu.training.state import TrainingStopped


@contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Give a flag that Ctrl-C or SIGTERM sets; a second Ctrl-C ends the program at once."""
    raised: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGINT and signal.SIGINT in raised:
            raise KeyboardInterrupt
        raised.append(signum)

    previous = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(raised)
    finally:
        for kind, handler in previous.items():
            signal.signal(kind, handler)


@contextmanager
def needing_others() -> Iterator[None]:
    """Tell in a sentence that another process of this run is gone, whatever the backend says of it.

    Raises:
        TrainingStopped: it is.
    """
    try:
        yield
    except RuntimeError as error:
        if any(backend in str(error) for backend in ("gloo", "NCCL")):
            raise TrainingStopped(
                "another process of this run is gone, and this one cannot go on alone; what was saved last is whole, "
                "and `resume` goes on from it"
            ) from error
        raise
