from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from specformer.genes import N_SPECIAL, GeneVocabulary
from specformer.model import SpecformerConfig

N_GENES = 60


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def genes() -> GeneVocabulary:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"ensembl": [f"ENSG{i:011d}" for i in range(N_GENES)], "scale": rng.random(N_GENES)})
    return GeneVocabulary.from_table(table, weighting="median", n_obs=7)


@pytest.fixture
def tiny():
    """A function that makes the config of a very small model."""

    def make(**overrides) -> SpecformerConfig:
        size = {
            "vocab_size": N_GENES + N_SPECIAL,
            "num_hidden_layers": 2,
            "hidden_size": 32,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "window_size": 16,
            "stride": 8,
        }
        return SpecformerConfig(**{**size, **overrides})

    return make


@pytest.fixture
def anchored(tiny):
    """The config of a very small film model with a linear anchor."""
    return tiny(
        token="film", cls_token=True, window_embedding="cls", n_anchor=8, n_dims=6, noise_variance=0.35, stride=16
    )


@pytest.fixture
def windows():
    """A function that draws windows of samples without repetition of genes, and scores."""

    def draw(n: int = 3, n_windows: int = 2, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
        order = torch.rand(n, N_GENES).argsort(dim=1)[:, : n_windows * size] + N_SPECIAL
        return order.unflatten(1, (n_windows, size)), torch.randn(n, n_windows, size)

    return draw
