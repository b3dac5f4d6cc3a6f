"""`python -m flm_edu.cli`, for launchers of many processes."""

from flm_edu.cli import app

app()
