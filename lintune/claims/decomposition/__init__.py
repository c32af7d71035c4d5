"""The claims of Si et al. (2024): fine-tuning methods as decompositions of the weight and its change.

The paper's text was read in full.
"""

from lintune.claims.decomposition.budget import printed_budgets_come_out
from lintune.claims.decomposition.dora import dora_is_better_than_lora
from lintune.claims.decomposition.forms import form_shapes_training, freer_forms_match_better
from lintune.claims.decomposition.identities import (
    best_scale_is_the_projection,
    column_space_scaling_keeps_directions,
)
from lintune.claims.decomposition.order import forms_have_their_order_here, forms_have_their_order_in_print
from lintune.claims.decomposition.patterns import nonlinear_pattern_is_the_parallel_adapter, patterns_help
from lintune.claims.decomposition.scalings import (
    scalings_have_the_printed_order,
    singular_values_stay_far_behind,
)

CLAIMS = (
    column_space_scaling_keeps_directions,
    best_scale_is_the_projection,
    printed_budgets_come_out,
    scalings_have_the_printed_order,
    singular_values_stay_far_behind,
    form_shapes_training,
    freer_forms_match_better,
    forms_have_their_order_in_print,
    forms_have_their_order_here,
    nonlinear_pattern_is_the_parallel_adapter,
    patterns_help,
    dora_is_better_than_lora,
)
