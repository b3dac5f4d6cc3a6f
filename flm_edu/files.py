"""Where the package's data lies, and how files are written so that nothing half-done replaces them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def data_dir() -> Path:
    """Return the folder of grammars, weights and tables: inside an installed package, at the top of a clone.

    Raises:
        FileNotFoundError: neither is there, so the installation is incomplete.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "data", here.parent / "data"):
        if (candidate / "languages").is_dir():
            return candidate
    raise FileNotFoundError(f"no data folder beside {here}; reinstall flm_edu from a clone or a wheel")


def printable(text: str) -> str:
    """Return a text as UTF-8 can write it: the name of a file may have bytes, and JSON half characters, that it cannot."""
    return text.encode("utf-8", "replace").decode()


def check_archive(path: str | Path) -> None:
    """Look at a file of torch.save before anything in it is unpacked.

    Raises:
        ValueError: it is damaged, or unpacks to far more than it has, which torch.save makes no file do.
        zipfile.BadZipFile: it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > 2 * Path(path).stat().st_size + 2**20:
            raise ValueError(f"it unpacks to {unpacked:,} bytes, far more than it has")
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} does not have its checksum")


@contextmanager
def write_aside(directory: Path, *names: str) -> Iterator[list[Path]]:
    """Write files under other names in the same folder; rename them all only if the block succeeds.

    Yields one path to write for each name. When the block raises (a full disk, say), what was
    written is removed and the files of those names stay as they were.
    """
    directory.mkdir(parents=True, exist_ok=True)
    aside = [directory / f".{name}.partial" for name in names]
    try:
        with naming(directory / ", ".join(names)):
            yield aside
            for path in aside:
                with open(path, "r+b") as file:  # Windows flushes only what is open for writing
                    os.fsync(file.fileno())
            for path, name in zip(aside, names, strict=True):
                os.replace(path, directory / name)
    finally:
        for path in aside:
            path.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in an error of writing; the system names it only in those of opening."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
