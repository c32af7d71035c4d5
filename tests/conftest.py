"""What all tests share: one thread, and no hub."""

import os

# Before torch and transformers are imported; processes that tests start inherit it. On few cores, processes
# with several threads each slow one another down, and a test that reaches for a hub is a wrong test.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402

torch.set_num_threads(1)
