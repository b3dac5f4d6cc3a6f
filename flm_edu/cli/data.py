"""The data that a command line, or a model, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flm_edu.corpus.rows import cached_corpus
from flm_edu.corpus.text_corpus import TextCorpus, load_corpus
from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_language
from flm_edu.language import ExactLanguage, TrainingTexts, draw_training_texts
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.oracle import load_perfect


def open_model(name: str, device: str = "cpu") -> tuple[LanguageModel, str | None]:
    """Load what NAME or NAME@SAMPLER names: the model, and its sampler where one is named."""
    place, _, sampler = name.rpartition("@")
    if not place or Path(name).exists():
        return load_model(name, device), None
    model = load_model(place, device)
    if sampler not in model.SAMPLERS:
        raise ValueError(f"{name}: a {model.kind} is sampled by {' or '.join(model.SAMPLERS)}, not {sampler!r}")
    return model, sampler


def open_perfect(name: str, data: ExactLanguage | TextCorpus) -> tuple[TextGenerator, str | None]:
    """Load what perfect:KIND or perfect:KIND@SAMPLER names, or perfect:flow@CLOCK@SAMPLER: the model, and its sampler if named."""
    if not isinstance(data, ExactLanguage):
        raise ValueError(f"{name}: perfect models exist for finite languages only; give --language")
    if isinstance(data, TrainingTexts):
        data = data.whole
    place, _, sampler = name.rpartition("@")
    if place and sampler in (model := load_perfect(place, data)).SAMPLERS:
        return model, sampler
    return load_perfect(name, data), None  # what stands behind the @ is a flow's clock, or nothing known


def load_data(
    language: str | None, corpus: str | None, cache: Path | None = None, **options: Any
) -> ExactLanguage | TextCorpus:
    """Load the one that is named, with the options of real text, kept in a folder if there is one."""
    if bool(language) == bool(corpus):
        raise ValueError("give one of --language (a finite language) and --corpus (real text)")
    if language:
        for option in options:
            raise ValueError(
                f"--{option.replace('_', '-')} is of real text; {language} is a finite language: leave it out"
            )
        return _finite(language, cache)
    assert corpus is not None
    return load_corpus(corpus, **options) if cache is None else cached_corpus(cache, corpus, **options)


def _finite(name: str, cache: Path | None) -> ExactLanguage:
    _refuse_cache(name, cache)
    return load_language(name)


def some_texts(language: ExactLanguage, training_texts: int | None, data_seed: int = 0) -> ExactLanguage:
    """Return the texts of a language that a training sees: all of them where no number is given."""
    if not isinstance(data_seed, int) or not 0 <= data_seed < 2**63:
        raise ValueError(f"`data_seed` is {data_seed!r}; it must be a whole number from 0 to 2^63 - 1")
    return language if training_texts is None else draw_training_texts(language, training_texts, data_seed)


def _refuse_cache(name: str, cache: Path | None) -> None:
    """Refuse a cache: the texts of a finite language are written down anew each time."""
    if cache is not None:
        raise ValueError(f"--cache keeps the tokens of real text; {name} is a finite language: leave it out")


def data_of(
    model: LanguageModel | None, language: str | None, corpus: str | None, cache: Path | None = None
) -> ExactLanguage | TextCorpus:
    """Return the data named on the command line, else what the model says it was trained on."""
    if model is None:
        if not language or corpus:
            raise ValueError("perfect models need a finite language: give --language, and no --corpus")
        return _finite(language, cache)
    origin = model.provenance.get("corpus_options")
    origin = origin if isinstance(origin, dict) else {}
    options: dict[str, Any] = {"length": model.length, "tokenizer": model.tokenizer}
    options |= {name: origin[name] for name in ("packing", "held_out") if name in origin}
    if language or corpus:
        return load_data(language, corpus, cache, **({} if language else options))
    if not all(isinstance(origin.get(name), str) for name in ("kind", "source")):
        raise ValueError("the model does not say what it was trained on; give --language or --corpus")
    source = origin["source"]
    finite = origin["kind"] == "language"
    if finite:
        _refuse_cache(source, cache)
    try:
        data: ExactLanguage | TextCorpus = (
            some_texts(load_language(source), origin.get("training_texts"), origin.get("data_seed", 0))
            if finite
            else load_data(None, source, cache, limit=origin.get("limit"), **options)
        )
    except (ValueError, OSError) as error:
        raise ValueError(
            f"the model was trained on {source!r}, which cannot be read again ({error}); give --language or --corpus"
        ) from error
    if data.fingerprint != model.provenance.get("corpus_fingerprint"):
        raise ValueError(
            f"{source!r} is not the data that the model was trained on (it has changed since, or another "
            "file has its name); give --language or --corpus to use it all the same"
        )
    return data


def check_fits(name: str, model: LanguageModel, data: ExactLanguage | TextCorpus) -> None:
    """Raise `ValueError` where a model's vocabulary and length are not the data's."""
    have, want = (model.vocab_size, model.length), (data.vocab_size, data.length)
    if have != want:
        raise ValueError(
            f"{name} writes {have[1]} tokens of a vocabulary of {have[0]}, {data.name} has {want[1]} of {want[0]}; "
            "they belong to different data (give --language or --corpus)"
        )
