"""What a user of the installed package relies on: a quick import, nothing extra loaded, data found anywhere."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flm_edu
from flm_edu.files import write_aside

ROOT = Path(flm_edu.__file__).resolve().parent.parent


@pytest.mark.alone
def test_import_adds_less_than_a_second_to_torch_and_loads_nothing_heavy() -> None:
    """The difference is taken in one process, so the machine's speed cancels out of what torch costs."""
    code = (
        "import time, sys, json; a = time.perf_counter(); import torch; b = time.perf_counter(); import flm_edu;"
        "c = time.perf_counter(); heavy = ['plotly', 'ipywidgets', 'anywidget', 'datasets', 'transformers', 'matplotlib', 'tensorboard'];"
        "print(json.dumps([b - a, c - b, [m for m in heavy if m in sys.modules]]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    torch_seconds, seconds, heavy = min(runs, key=lambda run: run[1])
    assert heavy == []
    assert seconds < 1, f"torch {torch_seconds:.2f} s, flm_edu {seconds:.2f} s on top"


def test_everything_public_has_a_docstring() -> None:
    assert flm_edu.__all__ == sorted(flm_edu.__all__)
    for name in flm_edu.__all__:
        assert getattr(flm_edu, name).__doc__, name


def test_dependencies_point_one_way() -> None:
    """The reading order of docs/ARCHITECTURE.md: a module imports only from modules above it."""
    order = [
        "files",
        "interpolant",
        "schedule",
        "network",
        "provenance",
        "sampling",
        "discrete",
        "text",
        "row_cache",
        "language",
        "models",
        "reference",
        "objectives",
        "oracle",
        "baselines",
        "muon",
        "run_log",
        "run_state",
        "training",
        "methods",
        "presets",
        "scale",
        "metrics",
        "judge",
        "tradeoff",
        "plots",
        "course",
        "report",
        "widgets",
        "demo",
        "cli",
    ]
    rank = {name: i for i, name in enumerate(order)}
    for path in sorted((ROOT / "flm_edu").rglob("*.py")):
        parts = path.relative_to(ROOT / "flm_edu").with_suffix("").parts
        if parts[0] == "__init__":
            continue
        assert parts[0] in rank, f"{path} is missing from the order"
        for line in path.read_text().splitlines():
            if line.strip().startswith(("from flm_edu.", "import flm_edu.")):
                imported = line.split()[1].split(".")[1]
                assert rank[imported] <= rank[parts[0]], f"{path.name} imports {imported}, which comes after it"


def test_files_written_aside_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), write_aside(tmp_path, "a", "b") as (a, b):  # noqa: PT012
        a.write_text("new")
        b.write_text("new")
        raise RuntimeError
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "old"}
    with write_aside(tmp_path, "a", "b") as (a, b):
        a.write_text("new")
        b.write_text("new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "new", "b": "new"}


def test_files_are_flushed_where_only_a_writer_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to flush what is open for reading; elsewhere the refusal is imitated."""
    if sys.platform != "win32":
        import fcntl

        def refuse_readers(descriptor: int) -> None:
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, "Bad file descriptor")

        monkeypatch.setattr(os, "fsync", refuse_readers)
    with write_aside(tmp_path, "a") as (a,):
        a.write_text("new")
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.slow
def test_the_wheel_carries_its_data_away_from_the_clone(tmp_path: Path) -> None:
    """Build the wheel, unpack it elsewhere, and use a shipped model and a language from there."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site packages"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(target)], check=True)
    assert (target / "flm_edu" / "py.typed").is_file(), "type checkers would not read the package's types"
    code = (
        "import flm_edu, pathlib, sys; assert pathlib.Path(flm_edu.__file__).is_relative_to(sys.argv[1]), flm_edu.__file__;"
        "m = flm_edu.load_model('sentences-fmlm'); print(m.decode(m.sample(2, 1))); print(len(flm_edu.load_language('tales')));"
        "from flm_edu.widgets import ScheduleExplorer; ScheduleExplorer().to_html('page.html')"
    )
    environment = {**os.environ, "PYTHONPATH": str(target)}
    output = subprocess.check_output(
        [sys.executable, "-c", code, str(target)], text=True, env=environment, cwd=tmp_path
    )
    assert output.splitlines()[1] == "5376"


def test_nothing_large_is_kept_in_the_repository() -> None:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        pytest.fail("git ls-files failed: run the tests in a clone")
    for name in filter(None, listed.stdout.split("\0")):
        size = (ROOT / name).stat().st_size if (ROOT / name).exists() else 0
        assert size < 6e6, f"{name} has {size / 1e6:.1f} MB"
