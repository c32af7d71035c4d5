"""The claims of Malladi et al. (2023): that fine-tuning from a prompt behaves like its kernel."""

from lintune.claims.kernel_view.adam import adam_starts_as_signgd, asymmetric_kernel_carries_adam
from lintune.claims.kernel_view.lora import lora_kernel_regression_is_as_good, lora_tail_covers
from lintune.claims.kernel_view.properties import (
    features_stay_fixed,
    kernel_behaviour_shows,
    kernel_solves_the_task,
    linearised_model_recovers,
)
from lintune.claims.kernel_view.scores import fine_tuning_beats_kernel_on_nli, solvers_are_interchangeable
from lintune.claims.kernel_view.start import output_derivative_is_small, prompt_is_nearer_its_kernel
from lintune.claims.kernel_view.steps import sgd_steps_by_its_kernel, signgd_steps_by_its_kernel

CLAIMS = (
    output_derivative_is_small,
    prompt_is_nearer_its_kernel,
    kernel_solves_the_task,
    linearised_model_recovers,
    features_stay_fixed,
    kernel_behaviour_shows,
    fine_tuning_beats_kernel_on_nli,
    sgd_steps_by_its_kernel,
    signgd_steps_by_its_kernel,
    adam_starts_as_signgd,
    asymmetric_kernel_carries_adam,
    solvers_are_interchangeable,
    lora_tail_covers,
    lora_kernel_regression_is_as_good,
)

__all__ = ["CLAIMS"]
