"""Rows of real text kept on disk: tokenized once, then read by all processes of a run and by the next command."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from tokenizers import Tokenizer

from flm_edu.corpus.text_corpus import CorpusOptions, TextCorpus, load_corpus
from flm_edu.files import printable, write_aside
from flm_edu.model_files import read_tokenizer
from flm_edu.vocabulary import CorpusError

TRAIN, HELD_OUT, TOKENIZER, ORIGIN = "train.npy", "held_out.npy", "tokenizer.json", "origin.json"


def cached_corpus(folder: str | Path, source: str, length: int, **options: Any) -> TextCorpus:
    """Return `load_corpus`, or what it made of the same text and options before.

    Rows are mapped into memory and not read: processes of one machine share them, and a corpus may be
    larger than the memory. Of several processes the first makes them while the others wait, so the
    folder must be one that all see.

    Args:
        folder: where each corpus gets a folder of its own; nothing in it is ever replaced.
        source: as `load_corpus`. A file that has changed is another corpus; a dataset of the hub is not.
        length: L, tokens in a row.
        options: of `load_corpus`, its tokenizer among them.

    Raises:
        CorpusError: as `load_corpus`.
    """
    key = _key(source, length, **options)
    if not (made := _kept(Path(folder), key)):
        if os.environ.get("RANK", "0") == "0":
            corpus = load_corpus(source, length, **options)
            # A training names or makes a tokenizer; what follows on it brings that one. Both are to find the same rows.
            same = _key(source, length, **{**options, "tokenizer": corpus.tokenizer})
            Path(folder).mkdir(parents=True, exist_ok=True)
            with FileLock(Path(folder) / ".lock"):  # of two commands that do so at once, the first's is kept
                _keep(corpus, Path(folder), same)
                if not _kept(Path(folder), key):
                    with write_aside(Path(folder), f"{key}.json") as (pointer,):
                        pointer.write_text(same, encoding="utf-8")
        while not (made := _kept(Path(folder), key)):
            time.sleep(0.2)
    try:
        origin = json.loads((made / ORIGIN).read_text(encoding="utf-8"))
        tokenizer = read_tokenizer(made / TOKENIZER)
        # "c": a private copy of whatever someone writes, which nobody does; torch warns of arrays that cannot be written
        train, held_out = (torch.from_numpy(np.load(made / name, mmap_mode="c")) for name in (TRAIN, HELD_OUT))
        kinds = {(rows.dtype, rows.shape[1:]) for rows in (train, held_out)}
        if kinds != {(torch.int32, (length,))} or not isinstance(origin, dict):
            raise ValueError("its rows are not what was kept")
    except Exception as error:  # numpy, torch and tokenizers raise many kinds
        raise CorpusError(f"{made} is damaged ({error}); remove it, and it will be made again") from error
    return TextCorpus(printable(source), tokenizer, train, held_out, origin)


def _key(source: str, length: int, *, tokenizer: Tokenizer | str | None = None, **options: Any) -> str:
    """Return a name for all that decides the rows."""
    facts: dict[str, Any] = {"length": length, **asdict(CorpusOptions(**options))}
    if tokenizer is not None:
        del facts["vocab_size"], facts["tokenizer_kind"]
        facts["tokenizer"] = tokenizer.to_str() if isinstance(tokenizer, Tokenizer) else tokenizer
    facts["source"] = source
    if Path(source).is_file():
        stat = Path(source).stat()
        facts |= {"source": str(Path(source).resolve()), "bytes": stat.st_size, "changed": stat.st_mtime_ns}
    name = "".join(c if c.isalnum() else "-" for c in Path(source).name)
    return f"{name}-{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]}"


def _kept(folder: Path, key: str) -> Path | None:
    """Return where the rows of a key are, if they are there whole; a pointer may name another key."""
    pointer = folder / f"{key}.json"
    name = pointer.read_text(encoding="utf-8", errors="replace").strip('"') if pointer.is_file() else key
    there = folder.is_dir() and name in os.listdir(folder) and (folder / name / ORIGIN).is_file()
    return folder / name if there else None


def _keep(corpus: TextCorpus, folder: Path, key: str) -> None:
    """Write the rows aside and rename their folder, unless they are there."""
    if _kept(folder, key):
        return
    aside = Path(tempfile.mkdtemp(dir=folder))
    try:
        for name, rows in ((TRAIN, corpus.tokens), (HELD_OUT, corpus.held_out)):
            np.save(aside / name, rows.numpy())
        (aside / TOKENIZER).write_text(corpus.tokenizer.to_str(), encoding="utf-8")
        (aside / ORIGIN).write_text(json.dumps(dict(corpus.origin)), encoding="utf-8")
        aside.rename(folder / key)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
