"""The claims of Dayi and Chen (2025): how low-rank fine-tuning learns a feature, and where kernels stop."""

from lintune.claims.beyond_kernels.descent import (
    every_activation_leaves_zero_at_once,
    frozen_c_is_slower,
    speed_is_proposition_4,
)
from lintune.claims.beyond_kernels.dial import (
    lazy_for_small_changes,
    lora_scale_is_a_dial,
    not_lazy_at_root_k,
)
from lintune.claims.beyond_kernels.moments import (
    features_make_c_easy,
    gradient_variance_is_bounded,
    one_mean_shows_u,
)
from lintune.claims.beyond_kernels.scratch import fine_tuning_beats_scratch, plateau_returns
from lintune.claims.beyond_kernels.span import part_in_the_span_is_faster, several_optima
from lintune.claims.beyond_kernels.students import linear_student_is_stuck, network_falls, u_comes_before_c
from lintune.claims.beyond_kernels.times import (
    recovery_is_linear_in_d,
    theorem_11_follows_as_printed,
    width_powers_are_bounds,
)

CLAIMS = (
    lazy_for_small_changes,
    not_lazy_at_root_k,
    lora_scale_is_a_dial,
    speed_is_proposition_4,
    every_activation_leaves_zero_at_once,
    frozen_c_is_slower,
    linear_student_is_stuck,
    network_falls,
    u_comes_before_c,
    recovery_is_linear_in_d,
    width_powers_are_bounds,
    theorem_11_follows_as_printed,
    gradient_variance_is_bounded,
    plateau_returns,
    fine_tuning_beats_scratch,
    part_in_the_span_is_faster,
    several_optima,
    one_mean_shows_u,
    features_make_c_easy,
)

__all__ = ["CLAIMS"]
