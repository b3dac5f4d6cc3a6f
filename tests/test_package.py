"""What a user of the installed package relies on: a quick import, nothing extra loaded, data found anywhere."""

import ast
import errno
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import flm_edu
from flm_edu.files import write_aside
from flm_edu.provenance import describe_run

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


def modules() -> dict[str, Path]:
    """Every file of the package by its name in docs/ARCHITECTURE.md: "oracle/flow"; a folder's __init__ by "oracle"."""
    found = {}
    for path in sorted((ROOT / "flm_edu").rglob("*.py")):
        name = path.relative_to(ROOT / "flm_edu").with_suffix("").as_posix()
        found[name.removesuffix("/__init__")] = path
    del found["__init__"]  # the front door, which opens on all of them
    return found


def core() -> dict[str, Path]:
    """The files that are neither an extension nor a face, the front door included."""
    others = ("extensions", "plots", "course", "widgets", "cli", "site")
    files = {name: path for name, path in modules().items() if name.split("/")[0] not in others}
    return files | {"__init__": ROOT / "flm_edu" / "__init__.py"}


def imports(path: Path) -> set[str]:
    """The files of the package that a file names, inside functions too."""
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flm_edu."):
            place = str(node.module).removeprefix("flm_edu.").replace(".", "/")
            inside = {f"{place}/{alias.name}" for alias in node.names} & modules().keys()
            named |= inside or {place}
    return named


def reading_order() -> list[str]:
    """The first column of the table of docs/ARCHITECTURE.md; a name that ends in a slash is a whole folder."""
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = page.split("| file | holds |")[1].split("\n\n")[0]
    return re.findall(r"^\| `([\w/]+)` \|", table, flags=re.MULTILINE)


def test_dependencies_point_one_way_file_by_file() -> None:
    """A file imports only from files above it in the reading order, which names every file."""
    order = reading_order()
    rank = {}
    for name in modules():
        places = [
            i
            for i, entry in enumerate(order)
            if name == entry or f"{name}/".startswith(entry + "/" * (entry[-1] != "/"))
        ]
        folder = [i for i, entry in enumerate(order) if entry.startswith(f"{name}/")]  # its __init__ has them all
        assert places or folder, f"{name} is missing from the reading order of docs/ARCHITECTURE.md"
        rank[name] = max(places or folder)
    for entry in order:
        assert (ROOT / "flm_edu" / entry).is_dir() or entry in modules(), f"{entry} is in the order and nowhere else"
    for name, path in modules().items():
        for imported in imports(path):
            assert rank[imported] <= rank[name], f"{name} imports {imported}, which comes after it"


def test_no_files_import_each_other() -> None:
    """No circle, however long: taking away files that import nothing which is left takes away all."""
    left = {name: imports(path) - {name} for name, path in modules().items()}
    while free := [name for name, named in left.items() if not named & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"a circle among {sorted(left)}"


def test_the_core_is_the_paper() -> None:
    """What is not in the paper is an extension, which the core does not know by name."""
    words = re.compile(r"guess|unit_attention|soft_?reader|\bpath\b.*distil", re.IGNORECASE)
    assert len(core()) > 40
    for name, path in core().items():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if words.search(line)], name
        assert name == "__init__" or not any(imported.startswith("extensions") for imported in imports(path)), name


def test_the_core_is_small() -> None:
    """Lines of code without docstrings and comments, as docs/ARCHITECTURE.md promises."""
    assert sum(len(code_lines(path.read_text(encoding="utf-8"))) for path in core().values()) <= 4700


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code."""
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines


def test_files_are_short_enough_to_read() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules().values()]
    assert max(lengths) <= 350
    assert statistics.median(lengths) <= 120


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


def test_the_constraints_lie_within_the_bounds() -> None:
    """constraints.txt has a version of every dependency, each with an upper bound or a version of its own."""
    from packaging.requirements import Requirement

    told = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.scripts]")[0]
    wanted = [Requirement(one) for one in re.findall(r'"([\w-]+(?:[<>=][^"]*))"', told.split("dependencies = [", 1)[1])]
    pinned: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            (pin,) = Requirement(line).specifier
            pinned.setdefault(Requirement(line).name, []).append(pin.version)
    assert len(wanted) > 25
    for requirement in wanted:
        assert pinned.get(requirement.name), requirement
        assert all(requirement.specifier.contains(version) for version in pinned[requirement.name]), requirement


def test_the_package_itself_is_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """For machines without make, or where scripts are not on the path: `python -m flm_edu`."""
    said = subprocess.check_output(
        [sys.executable, "-m", "flm_edu", "language", "drinks", "--n", "1"], encoding="utf-8"
    )
    assert said.startswith("3 texts of 1 tokens")
    monkeypatch.setattr(sys, "argv", [str(ROOT / "flm_edu" / "__main__.py"), "demo"])
    assert describe_run()["command"] == "flm-edu demo"


def test_nothing_large_is_kept_in_the_repository() -> None:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        pytest.fail("git ls-files failed: run the tests in a clone")
    for name in filter(None, listed.stdout.split("\0")):
        size = (ROOT / name).stat().st_size if (ROOT / name).exists() else 0
        assert size < 6e6, f"{name} has {size / 1e6:.1f} MB"
