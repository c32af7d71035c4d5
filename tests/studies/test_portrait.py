"""The portrait says of a kernel what the kernel itself says."""

import numpy as np

from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import Full, LoRA
from lintune.prompted import PromptedModel
from lintune.studies import portrait
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


def test_portrait_describes_the_kernel() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    examples = sentences(0, 8)
    found = portrait(prompted, examples, [Full(), LoRA(rank=2)])
    kernel = tangent_kernels(prompted, examples, methods=[Full()], outputs=contrasts(2)).train["full"]
    full = found["methods"]["full"]
    np.testing.assert_allclose(full["gram"], kernel.total()[:, 0, :, 0], rtol=1e-12)
    np.testing.assert_allclose(full["eigenvalues"].sum(), np.trace(flat(kernel.total())), rtol=1e-10)
    np.testing.assert_allclose(sum(layer["share"] for layer in full["layers"].values()), 1, rtol=1e-10)
    assert list(full["layers"]) == list(kernel.layers)
    assert set(found["methods"]) == {"full", "lora-r2"}
    assert list(found["labels"]) == list(examples.labels)
