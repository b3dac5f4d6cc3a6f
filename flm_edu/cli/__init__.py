"""The command line: flm-edu train | distill | sample | evaluate | plot | demo | report | language."""

from flm_edu.cli import training  # isort: skip  # what --help lists first
from flm_edu.cli import results
from flm_edu.cli.common import app

__all__ = ["app", "results", "training"]
