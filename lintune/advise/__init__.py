"""The advisor: which layers, method and rank to tune, ranked before any training."""
