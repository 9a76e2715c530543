from __future__ import annotations

import numpy as np
import pytest

from specformer import bench
from specformer.baselines import fit_linear
from specformer.bench._perturb import linear


@pytest.fixture
def counts(cohorts):
    return cohorts["htseq"]


def test_an_embedder_that_sees_ranks_alone_does_not_mind_units(counts):
    card = bench.robustness(counts, fit_linear(counts, n_dims=8), lengths="length", n_obs=60, n_boot=20)
    figures = card.set_index(["condition", "metric"])["value"]
    for scheme in ("cpm", "log2cpm", "uq", "log2uq"):
        assert figures[f"as {scheme}", "cosine"] > 0.999
        assert figures[f"as {scheme}", "same sample top-1"] == 1
    assert figures["as tpm", "cosine"] < figures["as cpm", "cosine"]
    assert figures["95% of genes missing", "cosine"] < figures["50% of genes missing", "cosine"]
    assert figures["20k reads", "cosine"] < figures["1M reads", "cosine"]
    assert (card["n"] == 60).all()
    assert (card["low"] <= card["high"]).all()


def test_an_embedder_that_sees_raw_totals_does(counts):
    card = bench.robustness(counts, lambda adata: np.c_[linear(adata).sum(axis=1), np.full(adata.n_obs, 1e5)], n_boot=5)
    figures = card.set_index(["condition", "metric"])["value"]
    assert figures["20k reads", "cosine"] < 0.9
    assert not any(condition.startswith("as tpm") for condition in card["condition"])


def test_trust_falls_with_coverage(counts):
    curve = bench.coverage_curve(counts, fit_linear(counts, n_dims=8), shares=(0.1, 1.0, 0.4), n_obs=40)
    assert curve["coverage"].tolist() == pytest.approx([1, 0.4, 0.1])
    assert curve["cosine"].is_monotonic_decreasing
    assert curve["cosine"].iloc[0] == pytest.approx(1)
    assert (curve["low"] <= curve["cosine"]).all()


def test_the_cohort_is_not_changed(counts):
    before = counts.copy()
    bench.robustness(counts, lambda adata: np.log1p(linear(adata)[:, :3]), n_obs=20, n_boot=2)
    np.testing.assert_array_equal(counts.X, before.X)
    assert list(counts.obs.columns) == list(before.obs.columns)
