"""What is minimised: cross-entropy for the flow, and for its flow map an equation that it alone solves."""

from flm_edu.objectives.any_order import AnyOrderSemigroup
from flm_edu.objectives.differential import EulerianDistillation, LagrangianDistillation
from flm_edu.objectives.flow import flow_matching
from flm_edu.objectives.flow_map import FlowMapObjective, FlowMapOptions, SemigroupDistillation
from flm_edu.objectives.objective import Loss, Objective, StepContext
from flm_edu.objectives.simplex import SimplexEulerianDistillation, SimplexLagrangianDistillation
