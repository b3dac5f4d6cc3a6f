"""Finite languages are what their grammars say, and distances to them are exact."""

import itertools
import math
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flm_edu.files import data_dir
from flm_edu.grammar import GrammarError, language_names, load_language, load_listed, parse_grammar
from flm_edu.language import Language


def test_cities_are_two_texts_whose_words_agree() -> None:
    cities = load_listed("cities")
    assert sorted(cities.decode(cities.tokens)) == ["new york", "san diego"]
    assert cities.probabilities.tolist() == [0.5, 0.5]
    assert cities.entropy == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", language_names())
def test_the_table_of_languages_is_true(name: str) -> None:
    language = load_language(name)
    readme = (data_dir() / "languages" / "README.md").read_text()
    row = re.search(rf"\| `{name}` \| ([\d,]+) \| (\d+) \| (\d+) \|", readme)
    assert row, f"{name} is missing in the table"
    assert [int(cell.replace(",", "")) for cell in row.groups()] == [
        language.texts,
        language.length,
        language.vocab_size,
    ]


def test_sizes_are_what_the_course_counts_on() -> None:
    sentences, tales = load_listed("sentences"), load_listed("tales")
    assert 8 <= sentences.length <= 10
    assert 400 <= len(sentences) <= 600
    assert 24 <= tales.length <= 32
    assert len(tales) >= 5000


def test_tales_agree_across_the_whole_text() -> None:
    tales = load_listed("tales")
    her = {"anna", "clara", "ella", "ruth"}
    things = {"ball", "book", "drum", "hat", "kite", "lamp", "ring", "spoon"}
    for text in tales.decode(tales.tokens):
        words = text.split()
        heroes = {w for w in words if w in her | {"ben", "david", "felix", "oscar"}}
        assert len(heroes) == 1
        assert ("she" in words) == (heroes <= her)
        assert ("he" in words) != ("she" in words)
        assert len({w for w in words if w in things}) == 1
    shapes = {text.split()[0] in ("one", "on") or "bought" for text in tales.decode(tales.tokens)}
    assert len(shapes) == 2


def test_the_example_of_the_format_is_a_grammar() -> None:
    content = (data_dir() / "languages" / "README.md").read_text(encoding="utf-8")
    example = parse_grammar(content.split("```")[1], "example")
    assert isinstance(example, Language)
    texts = example.decode(example.tokens)
    assert "anna took her boat to the shore ." in texts
    assert "anna took her boat to the market ." not in texts, "a condition is kept"


def test_probabilities_multiply_weights_and_conditions() -> None:
    language = parse_grammar(
        """
        [place]
        sea    kind=wet *3
        field  kind=dry
        [thing]
        boat   ?place.kind=wet
        cart
        [text]
        {thing} at {place}   # a comment
        {place.kind} {thing}  *2
        """,
        name="toy",
    )
    assert isinstance(language, Language)
    exact = dict(zip(language.decode(language.tokens), language.probabilities.tolist(), strict=True))
    assert exact == pytest.approx(
        {
            "boat at sea": 3 / 4 / 2 / 3,
            "wet boat": 3 / 4 / 2 * 2 / 3,
            "cart at sea": 3 / 4 / 2 / 3,
            "wet cart": 3 / 4 / 2 * 2 / 3,
            "cart at field": 1 / 4 / 3,
            "dry cart": 1 / 4 * 2 / 3,
        }
    )
    assert language.length == 3
    assert "<end>" in language.words  # the shorter texts are filled up


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("word", "line 1: expected a section"),
        ("[a]\nx\n", r"no \[text\] section"),
        ("[a]\nx\n[text]\n{b} y", r"uses \{b\}"),
        ("[a]\nx\n[text]\n{a.key} y", "not defined for 'x'"),
        ("[a]\nx ?b.k=1\n[text]\n{a}", "line 2: .* not drawn earlier"),
        ("[a]\nx k=1\nz k=2\n[b]\ny ?a.k=2\n[text]\n{a} {b}", r"no option of \[b\] is admitted"),
        ("[a]\nx k=1\n[b]\ny ?a.k=2\n[text]\n{a} {b}", r"line 4: '\?a.k=2' never holds; no option of \[a\]"),
        ("[a]\nx k=1\n[b]\ny ?a.q=1\n[text]\n{a} {b}", r"line 4: '\?a.q=1' never holds"),
        ("[a]\nx k=1\n[b]\ny ?a=1\n[text]\n{a} {b}", r"line 4: .*write \?choice.key=value"),
        ("[a]\nx\n[text]\n{a} z\n{a} y ?a.k=1", r"line 5: '\?a.k=1' is for choices"),
        ("[a]\nx\n[text]\n{a} z k={a}", r"line 4: 'k=\{a\}' is for choices"),
        ("[a]\nx *.5\n[text]\n{a} y", r"line 2: '\*.5' is no weight"),
        ("[a]\nx *1e3\n[text]\n{a} y", r"line 2: '\*1e3' is no weight"),
        ("[a]\nx *0\n[text]\n{a} y", r"line 2: '\*0' is no weight"),
        ("[a]\nx *" + "9" * 400 + "\n[text]\n{a} y", r"line 2: .* is no weight"),
        ("[my place]\nx\n[text]\ny z", r"line 1: the name in \[my place\]"),
        ("[a]\nx\n[text]\n{ a } y", r"line 4: '\{' is neither"),
        ("[a]\nx\n[text]\n{a.} y", r"line 4: '\{a.\}' is neither"),
        ("[a]\nx\n[b]\n{a}\n[text]\n{b} y", r"line 4: '\{a\}' is neither"),
        ("[a]\nx k={b}\n[text]\n{a} y", r"line 2: '\{b\}' is neither"),
        ("[a]\nx <end> y\n[text]\n{a} y", r"line 2: <end> fills up"),
        ("[a]\nx\n[a]\ny\n[text]\n{a}", "line 3: .* twice"),
        ("[a]\nk=1\n[text]\n{a}", "line 2: an option needs words"),
        ("[text]\nword", "needs at least 2"),
    ],
)
def test_bad_grammars_name_the_line(grammar: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        parse_grammar(grammar, name="bad")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match="cities, drinks, errands, found, sentences, tales"):
        load_listed("poems")


def test_a_grammar_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.grammar").write_text("[a]\nx\ny\n[text]\n{a} z\n")
    language = load_listed(tmp_path / "mine.grammar")
    assert language.name == "mine"
    assert len(language) == 2


@pytest.mark.parametrize(
    ("sentences", "probabilities", "message"),
    [
        ([], None, "at least one sentence"),
        (["a", ""], None, "no empty one"),
        (["a b"], [1.0, 2.0], "1 sentences but 2"),
        (["a", "b"], [1.0, -1.0], "finite, not negative"),
        (["a", "b"], [1.0, math.inf], "finite, not negative"),
        (["a", "b"], [math.nan, 1.0], "finite, not negative"),
        (["a a"], None, "needs at least 2"),
    ],
)
def test_bad_sentences_are_named(sentences: list[str], probabilities: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Language.from_sentences(sentences, probabilities)


def test_repeated_sentences_add_up() -> None:
    language = Language.from_sentences(["a b", "b a", "a b"])
    assert dict(zip(language.decode(language.tokens), language.probabilities.tolist(), strict=True)) == pytest.approx(
        {"a b": 2 / 3, "b a": 1 / 3}
    )


def test_samples_follow_the_probabilities(language: Language, generator: torch.Generator) -> None:
    index = language.index(language.sample(40_000, generator=generator))
    frequency = torch.bincount(index, minlength=3) / 40_000
    assert torch.allclose(frequency.double(), language.probabilities, atol=0.01)


def test_measures_against_enumeration(language: Language) -> None:
    everything = torch.tensor(list(itertools.product(range(language.vocab_size), repeat=language.length)))
    assert language.validity(everything) == pytest.approx(3 / 27)
    nll = language.negative_log_likelihood(everything)
    assert float((-nll).exp().sum()) == pytest.approx(1)
    assert language.total_variation(language.tokens[:1]) == pytest.approx(0.5)
    assert language.total_variation(everything) == pytest.approx(0.5 * (24 / 27 + (0.5 - 1 / 27) + 2 * (0.25 - 1 / 27)))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=5), st.integers(1, 60), st.integers(0, 2**31))
def test_noise_floor_of_total_variation(weights: list[float], n: int, seed: int) -> None:
    """The closed form against the mean over many exact samples."""
    words = "abcde"
    language = Language.from_sentences([f"{words[i]} x" for i in range(len(weights))], weights)
    draws = torch.multinomial(
        language.probabilities, 2000 * n, replacement=True, generator=torch.Generator().manual_seed(seed)
    ).view(2000, n)
    counts = torch.nn.functional.one_hot(draws, len(weights)).double().mean(1)
    seen = 0.5 * (counts - language.probabilities).abs().sum(-1)
    assert float(seen.mean()) == pytest.approx(
        language.expected_total_variation(n), abs=6 * float(seen.std()) / 2000**0.5 + 1e-9
    )


def test_tokenizer_and_language_agree(language: Language) -> None:
    assert language.tokenizer.decode_batch(language.tokens.tolist()) == language.decode(language.tokens)
    assert language.tokenizer.encode("a c b").ids == language.tokens[1].tolist()


def test_fingerprint_tells_languages_apart(language: Language) -> None:
    other = Language.from_sentences(["a b c", "a c b", "b b a"], [0.5, 0.3, 0.2])
    assert language.fingerprint != other.fingerprint
