from __future__ import annotations

import numpy as np
import pytest
import torch

import specformer as sf
from specformer.train import Corpus, build_vocabulary, rank_store

# Windows of 32 among 120 genes: 5 of them at stride 23, the last flush.
TINY = {
    "preset": "mini",
    "num_hidden_layers": 1,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "window_size": 32,
    "stride": 22,
    "weighting": "median",
    "attention_probs_dropout_prob": 0.0,
}


@pytest.fixture(autouse=True)
def _on_one_thread_of_the_cpu(monkeypatch):
    # Models this small lose time to a second thread, and processes that they start are to do the same.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sf.settings, "device", "cpu")
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def tiny():
    return dict(TINY)


@pytest.fixture
def genes(cohort):
    return build_vocabulary(cohort, weighting="median", mask_obs="is_train")


@pytest.fixture
def corpus(cohort, genes):
    return Corpus.of([rank_store(cohort, genes)])


@pytest.fixture
def permuted_genes():
    """A copy in which the values of given rows are dealt out to other genes."""

    def permute(adata, rows):
        scrambled = adata.copy()
        rng = np.random.default_rng(1)
        for row in np.flatnonzero(rows):
            scrambled.X[row] = scrambled.X[row, rng.permutation(adata.n_vars)]
        return scrambled

    return permute
