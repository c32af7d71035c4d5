"""The claims of Kowsher et al. (2025): RoCoFT, which trains a few rows or columns of each weight.

Their text was out of reach; claims are known from third-party accounts and from the authors' public code.
"""

from lintune.claims.rocoft.budget import fewer_parameters_than_lora, reported_count_is_what_is_trained
from lintune.claims.rocoft.cost import cheaper_than_lora
from lintune.claims.rocoft.distance import kernel_of_a_few_is_near
from lintune.claims.rocoft.lora import as_good_as_lora, three_are_enough
from lintune.claims.rocoft.regression import regression_is_about_as_accurate
from lintune.claims.rocoft.selection import (
    any_choice_has_about_the_same_kernel,
    any_choice_learns_about_as_well,
)

CLAIMS = (
    reported_count_is_what_is_trained,
    fewer_parameters_than_lora,
    kernel_of_a_few_is_near,
    any_choice_has_about_the_same_kernel,
    regression_is_about_as_accurate,
    any_choice_learns_about_as_well,
    as_good_as_lora,
    three_are_enough,
    cheaper_than_lora,
)
