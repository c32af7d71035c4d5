"""The portrait says of a kernel what the kernel itself says."""

import numpy as np

from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.studies.portrait import portrait
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


def test_portrait_describes_the_kernel() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    examples = sentences(0, 8)
    found = portrait(prompted, examples, [Weights(), LoRA(rank=2)])
    kernel = tangent_kernels(prompted, examples, methods=[Weights()], outputs=contrasts(2)).train["weights"]
    weights = found["methods"]["weights"]
    np.testing.assert_allclose(weights["gram"], kernel.total()[:, 0, :, 0], rtol=1e-12)
    np.testing.assert_allclose(weights["eigenvalues"].sum(), np.trace(flat(kernel.total())), rtol=1e-10)
    np.testing.assert_allclose(sum(layer["share"] for layer in weights["layers"].values()), 1, rtol=1e-10)
    assert list(weights["layers"]) == list(kernel.layers)
    assert set(found["methods"]) == {"weights", "lora-r2"}
    assert list(found["labels"]) == list(examples.labels)
