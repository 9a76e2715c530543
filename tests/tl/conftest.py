from __future__ import annotations

import numpy as np
import pytest
import torch

import specformer as sf
from specformer.genes import N_SPECIAL

N_GENES = 150
SIZE = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "window_size": 64,
    "stride": 32,
}
RECIPES = {
    "published": {"weighting": "tfidf"},
    "anchored": {
        "weighting": "median",
        "token": "film",
        "cls_token": True,
        "window_embedding": "cls",
        "pooling": "gated_attention",
        "n_anchor": 8,
        "noise_variance": 0.35,
    },
}


@pytest.fixture(scope="session")
def counts():
    """Counts of 40 simulated samples in 150 genes by symbol."""
    adata = sf.datasets.simulated_cohort(40, depth=2e6)
    return adata[:, np.linspace(0, adata.n_vars - 1, N_GENES).astype(int)].copy()


def make_checkpoint(counts, recipe: str, directory):
    """A checkpoint with real statistics and random layers, none of them idle."""
    genes = sf.train.build_vocabulary(counts, weighting=RECIPES[recipe]["weighting"])
    torch.manual_seed(0)
    model = sf.model.SpecformerForSamples(
        sf.model.SpecformerConfig(vocab_size=len(genes) + N_SPECIAL, **SIZE, **RECIPES[recipe])
    )
    if recipe == "anchored":
        model.set_anchor(torch.randn(len(genes), 8) / 3, torch.randn(8, 8))
        torch.nn.init.normal_(model.residual.out.weight, std=0.3)
    return sf.model.save(directory / recipe, model, genes, membership=counts.obs_names[:3])


@pytest.fixture(scope="session", params=list(RECIPES))
def checkpoint(request, counts, tmp_path_factory):
    return sf.model.load(make_checkpoint(counts, request.param, tmp_path_factory.mktemp("checkpoints")))


@pytest.fixture(scope="session")
def anchored(counts, tmp_path_factory):
    return sf.model.load(make_checkpoint(counts, "anchored", tmp_path_factory.mktemp("checkpoints")))
