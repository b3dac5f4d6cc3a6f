"""Perfect models of a finite language: what a network could at best learn, written down exactly."""

from typing import cast

from flm_edu.language import ExactLanguage
from flm_edu.oracle.discrete import PerfectAutoregressive, PerfectMasked, PerfectUniform
from flm_edu.oracle.factorization import exact_joint, factorized_joint
from flm_edu.oracle.flow import PerfectFlow, PerfectFlowMap
from flm_edu.oracle.posterior import PerfectModel
from flm_edu.schedule import ScheduleName

PERFECT: dict[str, type[PerfectModel]] = {
    "flow": PerfectFlow,
    "flow-map": PerfectFlowMap,
    "masked": PerfectMasked,
    "uniform": PerfectUniform,
    "ar": PerfectAutoregressive,
}


def load_perfect(name: str, language: ExactLanguage) -> PerfectModel:
    """Return a perfect model by the name of the command line: "perfect:flow", ..., or "perfect:flow@uniform".

    Raises:
        ValueError: no such model; the message lists them.
    """
    kind, _, schedule = name.removeprefix("perfect:").partition("@")
    model = PERFECT.get(kind)
    if model is not None and not schedule:
        return model(language)
    if model is not None and issubclass(model, PerfectFlow):
        return model(language, cast(ScheduleName, schedule))  # which `load_schedule` checks
    raise ValueError(
        f"{name!r} is unknown; choose one of {', '.join('perfect:' + k for k in PERFECT)}, perfect:flow@uniform"
    )
