from __future__ import annotations

import numpy as np
import pytest

# Small enough for a test, by method.
TINY = {
    "vae": {"n_hidden": (32, 16), "n_latent": 4},
    "gan": {"n_hidden": (32, 16), "n_latent": 4},
    "binned_masked": {"n_bins": 8, "n_tokens": 30, "n_dims": 16, "n_layers": 1, "n_heads": 2},
    "count_autoencoder": {"n_tokens": 30, "n_dims": 16, "n_layers": 1, "n_heads": 2, "n_blocks": 1},
    "truncated_window": {"window_size": 24},
}


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def expression():
    """Linear expression of 48 samples x 90 genes around three profiles, with zeros, and which profile each is of."""
    rng = np.random.default_rng(0)
    kind = np.arange(48) % 3
    X = rng.poisson(8 * rng.lognormal(0, 1.5, (3, 90))[kind] * rng.uniform(0.5, 2, (48, 1))).astype(np.float32)
    return X, np.array([f"g{i:02d}" for i in range(90)]), kind
