import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel
from flm_edu.network import NetworkConfig

# The same examples everywhere, and no deadline: a busy machine is not a wrong formula.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def language() -> Language:
    return Language.from_sentences(["a b c", "a c b", "b b a"], [0.5, 0.25, 0.25], name="toy")


def parts(model: LanguageModel) -> Any:
    """The model's network, with whatever parts it has: torch does not say of what type a part is."""
    return model.network


def tiny_flow(language: Language, seed: int = 0, **sizes: object) -> FlowLM:
    """A small untrained flow whose head is not zero, so that its outputs differ."""
    torch.manual_seed(seed)
    settings = {"width": 16, "blocks": 2, "heads": 2, "time_width": 16, **sizes}
    model = FlowLM(NetworkConfig(language.vocab_size, language.length, **settings), language.tokenizer)  # type: ignore[arg-type]
    for name, parameter in model.named_parameters():
        if "modulation" in name or "head.linear" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def flow(language: Language) -> FlowLM:
    return tiny_flow(language)


@pytest.fixture
def flow_map(flow: FlowLM) -> FlowMapLM:
    student = FlowMapLM.from_flow_lm(flow)
    torch.nn.init.normal_(parts(student).second_time_embedding.last.weight, std=0.3)
    return student.eval()


@contextmanager
def full_disk(room: int = 4096) -> Iterator[None]:
    """Let the system refuse to write past a file size, as it does when a disk is full; on Windows an imitation does."""
    if sys.platform == "win32":

        def no_room(descriptor: int) -> None:
            if os.fstat(descriptor).st_size > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", no_room)
            yield
    else:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)


def old_config(directory: Path, kind: str, *, reader: str | None = None, **flags: object) -> None:
    """Rewrite a model's config.json as version 0.1 had it: what the network is for among its sizes."""
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    network = {name: value for name, value in config["network"].items() if name not in ("architecture", *flags)}
    as_it_was = {"two_times": False, "causal": False, "extra_tokens": 0, "unit_attention": False, "guesses": False}
    config |= {"model": kind, "network": {**network, **as_it_was, **flags}}
    if reader is not None:
        config["reader"] = reader
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Tests compare on the CPU, so a GPU that is there stays unseen, but for `pytest -m cuda`, a run of its own."""
    if "cuda" not in (config.option.markexpr or ""):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cuda" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device, or not asked for by -m cuda"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure, unless it is one that only a GPU can run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped = [r for r in reporter.stats.get("skipped", []) if "no CUDA device" not in str(r.longrepr)]
    if skipped:
        reporter.write_line("skipped in CI: " + ", ".join(r.nodeid for r in skipped), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
