"""Settings: each is written once, checked where it is made, and set by an option of the same name."""

import dataclasses
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.models import OptionInfo
from typer.testing import CliRunner

from flm_edu.baselines.rounds import RoundOptions
from flm_edu.baselines.uniform import UniformDiffusion
from flm_edu.cli import app
from flm_edu.cli.options import as_options, flags
from flm_edu.cli.training import distill, train
from flm_edu.corpus import CorpusOptions
from flm_edu.extensions.path import GuessingConfig
from flm_edu.network import NetworkConfig
from flm_edu.objectives import FlowMapOptions
from flm_edu.settings import REQUIRED, Settings, described, setting
from flm_edu.training import TrainConfig

ALL: list[type[Any]] = [
    NetworkConfig, GuessingConfig, TrainConfig, FlowMapOptions, RoundOptions, UniformDiffusion, CorpusOptions,
]  # fmt: skip


@dataclass(frozen=True)
class Sample(Settings):
    must: int = setting(REQUIRED, "It has no default.", "[2, inf)")
    whole: int = setting(3, "A whole number.", "[0, 9]")
    share: float = setting(0.5, "A share.", "(0, 1]")
    rate: float = setting(0.1, "Above nothing.", "(0, inf)")
    anything: float = setting(0.0, "Any number.")
    way: Literal["one", "other"] = setting("one", "A choice.")
    switch: bool = setting(False, "On or off.")
    most: int | None = setting(None, "At most, or no bound.", "[1, inf)")
    word: str = setting("", "A text.")
    plain: int = -7  # declared without `setting`, so not checked


@pytest.mark.parametrize(
    "values",
    [
        {"must": 2}, {"whole": 0}, {"whole": 9}, {"share": 1}, {"share": 1.0}, {"share": 1e-9}, {"rate": 5},
        {"anything": -3.5}, {"way": "other"}, {"switch": True}, {"most": None}, {"most": 1}, {"word": "x"}, {"plain": -8},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_fit_are_taken(values: dict[str, Any]) -> None:
    made = Sample(**{"must": 5, **values})
    for name, value in values.items():
        assert getattr(made, name) == value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"must": 1}, "`must` is 1; it must be at least 2"),
        ({"whole": -1}, "`whole` is -1; it must lie in [0, 9]"),
        ({"whole": 10}, "`whole` is 10; it must lie in [0, 9]"),
        ({"whole": 2.0}, "`whole` is 2.0; it must be"),
        ({"whole": "2"}, "`whole` is '2'"),
        ({"whole": True}, "`whole` is True"),
        ({"whole": None}, "`whole` is None"),
        ({"share": 0}, "`share` is 0; it must lie in (0, 1]"),
        ({"share": 1.001}, "`share` is 1.001"),
        ({"share": math.nan}, "`share` is nan"),
        ({"share": "much"}, "`share` is 'much'; it must be a number"),
        ({"rate": 0.0}, "`rate` is 0.0; it must be above 0"),
        ({"rate": math.nan}, "`rate` is nan"),
        ({"rate": math.inf}, "`rate` is inf"),
        ({"rate": 10**400}, "`rate` is inf; it must be above 0 and finite"),
        ({"rate": False}, "`rate` is False"),
        ({"way": "third"}, "`way` is 'third'; choose one of one, other"),
        ({"way": None}, "`way` is None; choose one of one, other"),
        ({"switch": 1}, "`switch` is 1"),
        ({"most": 0}, "`most` is 0; it must be at least 1"),
        ({"most": 1.5}, "`most` is 1.5"),
        ({"word": 3}, "`word` is 3"),
    ],
    ids=str,
)
def test_values_that_do_not_fit_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Sample(**{"must": 5, **values})


@given(st.floats())
def test_an_interval_is_what_it_says(value: float) -> None:
    """Whatever the number, NaN and the infinite ones too."""
    try:
        Sample(must=5, share=value)
    except ValueError:
        assert not 0 < value <= 1
    else:
        assert 0 < value <= 1


@pytest.mark.parametrize("settings", ALL)
def test_every_setting_says_what_it_means(settings: type[Any]) -> None:
    for name, (_, about) in described(settings).items():
        assert about["about"].endswith("."), name
        assert about["about"][0].isalnum()
        assert settings.__dataclass_params__.frozen


@pytest.mark.parametrize("settings", ALL)
def test_defaults_are_within_their_intervals(settings: type[Any]) -> None:
    """As every value is checked, to make one is to check them."""
    needed = {"vocab_size": 9, "length": 4} if issubclass(settings, NetworkConfig) else {}
    made = settings(**needed)
    for name, (_, about) in described(settings).items():
        if about["within"] and isinstance(getattr(made, name), float):
            with pytest.raises(ValueError, match=f"`{name}` is nan"):
                dataclasses.replace(made, **{name: math.nan})


# --- the command line ---------------------------------------------------------------------------

#: command -> the dataclasses that its options come from
GROUPS: list[tuple[Callable[..., None], list[type[Any]]]] = [
    (train, [NetworkConfig, CorpusOptions, TrainConfig]),
    (distill, [FlowMapOptions, RoundOptions, TrainConfig]),
]
#: what else they take
OWN = {
    "train": {
        "out", "model", "method", "language", "corpus", "preset", "like", "schedule", "length", "tokenizer", "cache",
        "init", "resume", "overwrite", "training_texts", "data_seed",
    },
    "distill": {
        "teacher", "out", "method", "language", "corpus", "preset", "init", "cache", "resume", "overwrite",
    },
}  # fmt: skip


@pytest.mark.parametrize(("command", "groups"), GROUPS, ids=lambda v: v.__name__ if callable(v) else "")
def test_every_option_is_a_setting_or_the_commands_own(command: Callable[..., None], groups: list[type[Any]]) -> None:
    known = flags(command)
    settings = {
        name: one for one in groups for name in described(one) if one.__dataclass_fields__[name].default is not REQUIRED
    }
    assert known.keys() == settings.keys() | OWN[command.__name__]
    assert not settings.keys() & OWN[command.__name__], "written twice"
    text = " ".join(CliRunner().invoke(app, [command.__name__, "--help"]).output.split())
    for name, one in settings.items():
        assert known[name] == f"--{name.replace('_', '-')}"
        kind, about = described(one)[name]
        parameter = inspect.signature(command).parameters[name]
        (option,) = (mark for mark in parameter.annotation.__metadata__ if isinstance(mark, OptionInfo))
        assert option.help is not None
        assert option.help.startswith(about["about"].replace("`", "")), name
        assert f"{known[name]} " in text
        if kind is bool:
            assert f"--no-{name.replace('_', '-')}" in text
        assert parameter.default is None, "what is not given keeps the preset's value"


def test_a_command_does_not_name_two_settings_alike() -> None:
    for _, groups in GROUPS:
        names = [
            name for one in groups for name in described(one) if one.__dataclass_fields__[name].default is not REQUIRED
        ]
        assert len(names) == len(set(names))


def test_arguments_of_the_library_are_shown_as_options() -> None:
    names = {"muon_lr": "--muon-lr", "out": "--out", "n": "--n"}
    assert as_options("`muon_lr` is 0; `n` x `other_one`", names) == "--muon-lr is 0; --n x other_one"
    assert as_options("no argument: muon_lr, out", names) == "no argument: muon_lr, out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--width", "0"), "--width is 0; it must be at least 1"),
        (("--time-width", "0"), "--time-width is 0"),
        (("--dropout", "1"), "--dropout is 1.0; it must lie in [0, 1)"),
        (("--muon-lr", "-1"), "--muon-lr is -1.0; it must be above 0"),
        (("--lr", "nan"), "--lr is nan"),
        (("--log-every", "0"), "--log-every is 0"),
        (("--optimizer", "sgd"), "--optimizer"),
        (("--steps", "many"), "--steps"),
        (("--width", "33"), "--width is 33; it must be a multiple of 2 x --heads"),
    ],
    ids=" ".join,
)
def test_the_command_line_tells_them_so(arguments: tuple[str, ...], message: str, tmp_path: Any) -> None:
    command = ["train", "--language", "cities", "--out", str(tmp_path / "x"), *arguments]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in result.output
    assert "`" not in result.output
    assert not (tmp_path / "x").exists()
