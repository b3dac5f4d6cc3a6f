"""Ctrl-C and termination signals: a training ends the step in hand, saves, and stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
