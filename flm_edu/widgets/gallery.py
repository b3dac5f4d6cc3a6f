"""One page with the widgets, for those who have no notebook at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flm_edu.widgets.automaton import AutomatonExplorer
from flm_edu.widgets.base import Widget
from flm_edu.widgets.factorization import FactorizationExplorer
from flm_edu.widgets.flow_map import FlowMapExplorer
from flm_edu.widgets.memorization import MemorizationExplorer
from flm_edu.widgets.page import write_page
from flm_edu.widgets.schedule import ScheduleExplorer
from flm_edu.widgets.simplex import SimplexExplorer, tick_tock
from flm_edu.widgets.step_count import StepCountExplorer
from flm_edu.widgets.trajectory import TrajectoryPlayer

TITLE = "Flow language models, one step at a time"
LEAD = (
    "From Gaussian noise to words along a flow, in many small steps or in one jump of its flow map. "
    "Everything here is computed in your browser or was recorded; nothing is fetched from anywhere."
)


def gallery_widgets(sweeps: Sequence[str | Path] = ()) -> list[Widget]:
    """Return the widgets of the page, in the order in which they explain each other.

    Raises:
        ValueError: one of the files is no sweep.
    """
    return [
        SimplexExplorer(),
        SimplexExplorer(tick_tock()),
        FactorizationExplorer(),
        ScheduleExplorer(),
        AutomatonExplorer(),
        MemorizationExplorer(),
        FlowMapExplorer(),
        TrajectoryPlayer(),
        StepCountExplorer(list(sweeps) or None),
    ]


def write_gallery(path: str | Path, sweeps: Sequence[str | Path] = ()) -> Path:
    """Write the page and return its path.

    Raises:
        ValueError: one of the files is no sweep.
        OSError: the page cannot be written, or a file cannot be read.
    """
    return write_page(path, TITLE, gallery_widgets(sweeps), lead=LEAD)
