"""What the notebooks in notebooks/ use beside the library: `check`, `use`, `predict` and `progress`.

`check` looks at an exercise one mechanism at a time and names the likely mistake; `use` runs
it in a later cell; `predict` keeps a guess
and scores it when the result is shown; `progress` says what is done. None of them ever stops a notebook.
`shipped_ablation` reads what takes too long for one.
"""

from flm_edu.course.asking import Prediction, check, predict, use
from flm_edu.course.device import training_device
from flm_edu.course.progress import progress
from flm_edu.course.runs import shipped_ablation

__all__ = ["Prediction", "check", "predict", "progress", "shipped_ablation", "training_device", "use"]
