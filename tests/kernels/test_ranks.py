"""Two processes share the work and each gets what one process computes."""

from pathlib import Path

import numpy as np
import pytest

from lintune.kernels import AsymmetricSignGD, contrasts, tangent_kernels
from lintune.methods import Full, LoRA, Norms, Tangents
from tests import torchrun
from tests.kernels.test_engine import TEXTS, examples, function

METHODS: tuple[Tangents, ...] = (Full(), LoRA(rank=2, targets=None), AsymmetricSignGD(Norms()))

# A model, and the memory: the last takes the examples in parts.
CASES = (("qwen2", 10**9), ("roberta", 10**9), ("llama", 20_000))

PROGRAM = """
import sys
import numpy as np
import torch.distributed as dist
from tests.kernels.test_ranks import CASES, compute

dist.init_process_group("gloo")
for number, case in enumerate(CASES):
    np.savez(f"{sys.argv[1]}/{dist.get_rank()}-{number}.npz", **compute(*case))
dist.destroy_process_group()
"""


def compute(name: str, memory: int) -> dict[str, np.ndarray]:
    found = tangent_kernels(
        function(name),
        examples(TEXTS[:3]),
        examples(TEXTS[3:]),
        methods=METHODS,
        outputs=contrasts(3),
        batch_tokens=14,
        memory=memory,
    )
    kernels = {f"train {name}": kernel.blocks for name, kernel in found.train.items()}
    kernels |= {f"cross {name}": kernel.blocks for name, kernel in found.cross.items()}
    return kernels | {"train logits": found.train_logits, "cross logits": found.cross_logits}


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    code, _, errors = torchrun.ended(torchrun.start(2, program, tmp_path))
    assert (code, errors) == (0, [])
    for number, case in enumerate(CASES):
        expected = compute(*case)
        for rank in (0, 1):
            with np.load(tmp_path / f"{rank}-{number}.npz") as found:
                assert set(found) == set(expected)
                for key, value in expected.items():
                    tolerance = 1e-10 * np.abs(value).max()
                    np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=tolerance, err_msg=key)
