"""`python -m flm_edu`: the command line, also where flm-edu is not on the path."""

from flm_edu.cli import app

app(prog_name="flm-edu")
