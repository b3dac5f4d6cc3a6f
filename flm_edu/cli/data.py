"""The data that a command line, or a model, names."""

from __future__ import annotations

from typing import Any, Literal


def load_data(language: str | None, corpus: str | None, **options: Any) -> Any:
    """The one that is named, with the options of real text."""
    if bool(language) == bool(corpus):
        raise ValueError("give one of --language (a finite language) and --corpus (real text)")
    if language:
        from flm_edu.language import load_language

        return load_language(language)
    from flm_edu.text import load_corpus

    assert corpus is not None
    return load_corpus(corpus, **options)


def corpus_options(data: Any, language: str | None, packing: str, limit: int | None) -> dict[str, Any]:
    """What is needed to read the data again for a distillation or an evaluation."""
    if language is not None:
        return {"kind": "language", "source": language}
    return {"kind": "text", "source": data.name, "packing": packing, "limit": limit}


def data_of(model: Any, language: str | None, corpus: str | None) -> Any:
    """The data named on the command line, else what the model says it was trained on."""
    if model is None:
        if not language:
            raise ValueError("perfect models need a finite language: give --language")
        return load_data(language, None)
    facts = model.provenance
    options = facts.get("corpus_options", {})
    told = bool(language or corpus)
    if not told:
        source = options.get("source", facts.get("corpus"))
        if source is None or "kind" not in options:
            raise ValueError("the model does not say what it was trained on; give --language or --corpus")
        if options["kind"] == "language":
            language = source
        else:
            corpus = source
    packing: Literal["wrapped", "sentence"] = options.get("packing", "wrapped")
    data = load_data(
        language,
        corpus,
        length=model.config.length,
        tokenizer=model.tokenizer,
        packing=packing,
        limit=options.get("limit"),
    )
    if not told and data.fingerprint != facts.get("corpus_fingerprint"):
        raise ValueError(
            f"{language or corpus!r} is not the data that the model was trained on (it has changed since, or another "
            "file has its name); give --language or --corpus to use it all the same"
        )
    return data


def check_fits(name: str, model: Any, data: Any) -> None:
    """`ValueError` where a model's vocabulary and length are not the data's."""
    have, want = (model.config.vocab_size, model.config.length), (data.vocab_size, data.length)
    if have != want:
        raise ValueError(
            f"{name} writes {have[1]} tokens of a vocabulary of {have[0]}, {data.name} has {want[1]} of {want[0]}; "
            "they belong to different data (give --language or --corpus)"
        )
