"""Interactive pictures that live in a notebook, in a saved notebook and in a page without a kernel.

Each is one class, usable in one line: `SimplexExplorer()`. Needs `pip install 'flm-edu[widgets]'`.
"""

from flm_edu.widgets.automaton import AutomatonExplorer
from flm_edu.widgets.factorization import FactorizationExplorer
from flm_edu.widgets.flow_map import FlowMapExplorer
from flm_edu.widgets.memorization import MemorizationExplorer
from flm_edu.widgets.page import write_page
from flm_edu.widgets.schedule import ScheduleExplorer
from flm_edu.widgets.simplex import SimplexExplorer, three_words, tick_tock
from flm_edu.widgets.step_count import StepCountExplorer
from flm_edu.widgets.training import TrainingMonitor
from flm_edu.widgets.trajectory import TrajectoryPlayer

__all__ = [
    "AutomatonExplorer",
    "FactorizationExplorer",
    "FlowMapExplorer",
    "MemorizationExplorer",
    "ScheduleExplorer",
    "SimplexExplorer",
    "StepCountExplorer",
    "TrainingMonitor",
    "TrajectoryPlayer",
    "three_words",
    "tick_tock",
    "write_page",
]
