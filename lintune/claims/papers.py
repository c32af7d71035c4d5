"""The five papers whose claims the ledger holds."""

from lintune.claims.claim import Paper

LINEARIZATION = Paper("afzal2025linearization", "Rahimi Afzal et al. 2025")
ROCOFT = Paper("kowsher2025rocoft", "Kowsher et al. 2025")
KERNEL_VIEW = Paper("malladi2023kernel", "Malladi et al. 2023")
BEYOND_KERNELS = Paper("dayi2025lowrank", "Dayi and Chen 2025")
DECOMPOSITION = Paper("si2024further", "Si et al. 2024")
