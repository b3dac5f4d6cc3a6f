"""How much memory something needs at most, on systems that tell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTES = 300  # that the reader of a small file may need more than before, at any time


@contextmanager
def hunger() -> Iterator[Callable[[], float]]:
    """Say how many megabytes more than at the start were in use at any time, of 3,000 to be had; 0 where no system tells."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if sys.platform == "win32" or not reset.exists():
        yield lambda: 0.0
        return
    import resource

    def megabytes(what: str) -> float:
        return int(status.read_text().split(f"{what}:")[1].split()[0]) / 1024

    reset.write_text("5")  # forget the highest mark
    before, limits = megabytes("VmHWM"), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(megabytes("VmSize") + 3000) * 2**20, limits[1]))
    try:
        yield lambda: megabytes("VmHWM") - before
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
