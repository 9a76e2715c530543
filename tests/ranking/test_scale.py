from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from specformer.ranking import SCALES, detect_scale, normalise_rows, to_linear

rng = np.random.default_rng(0)
lengths = rng.integers(300, 20_000, 400).astype(float)
abundance = rng.lognormal(0, 2, 400) * lengths
depth = rng.uniform(1e5, 2e6, (20, 1))
mean = depth * abundance / abundance.sum() * rng.lognormal(0, 0.5, (20, 400))
counts = rng.negative_binomial(2, 2 / (2 + mean)).astype(np.float32)
cpm, tpm, fpkm, uq = (normalise_rows(counts, unit, lengths) for unit in ("cpm", "tpm", "fpkm", "uq"))
sorted_profile = np.sort(uq, axis=1).mean(axis=0)
quantile = np.take(sorted_profile, np.argsort(np.argsort(uq, axis=1), axis=1)).astype(np.float32)
log_uq = np.log2(uq + 1)
corrected = np.where(rng.random(log_uq.shape) < 0.01, log_uq - 4, log_uq)  # a few below zero, as EB++ has

matrices = {
    "counts": ("counts", counts),
    "integers of another dtype": ("counts", counts.astype(np.int64)),
    "few counts": ("counts", np.minimum(counts, 3)),
    "cpm": ("cpm", cpm),
    "tpm": ("tpm", tpm),
    "fpkm": ("linear", fpkm),
    "upper quartile": ("linear", uq),
    "fractions of one": ("linear", tpm / 1e6),
    "rsem expected counts": ("linear", counts + np.float32(0.25) * (counts > 9)),
    "log2(cpm + 1)": ("log2p1", np.log2(cpm + 1)),
    "log2(tpm + 1)": ("log2p1", np.log2(tpm + 1)),
    "log2(uq + 1)": ("log2p1", log_uq),
    "log2(uq + 1), batch-corrected": ("log2p1", corrected),
    "log2(count + 1)": ("log2p1", np.log2(counts + 1)),
    "log1p(count)": ("log1p", np.log1p(counts)),
    "log1p of 10,000 per sample": ("log1p", np.log1p(cpm / 100)),
    "log1p(tpm)": ("log1p", np.log1p(tpm)),
    "log1p of the median depth": ("log1p", np.log1p(cpm / 1e6 * np.float32(54_321))),
    "log2(tpm + 0.001)": ("toil", np.log2(tpm + 0.001)),
    "log2(tpm + 0.001), four digits": ("toil", np.round(np.log2(tpm + 0.001), 4)),
    "z-scores": ("zscore", (log_uq - log_uq.mean(0)) / (log_uq.std(0) + 1e-3)),
    "centred logs": ("zscore", log_uq - log_uq.mean(0)),
    "quantile-normalised": ("quantile", quantile),
    "quantile-normalised logs": ("quantile_log2p1", np.log2(quantile + 1)),
}


@pytest.mark.parametrize("what", matrices)
def test_every_scale_is_told(what):
    expected, X = matrices[what]
    found = detect_scale(X)
    assert found.name == expected, found.evidence
    assert found.name in SCALES
    assert found.invertible == (expected != "zscore")
    assert found.evidence["because"]
    assert detect_scale(sparse.csr_matrix(X)).name == expected


@pytest.mark.parametrize("what", [what for what in matrices if "quantile" not in what and "median" not in what])
def test_one_sample_is_told_like_the_cohort(what):
    expected, X = matrices[what]
    assert [detect_scale(X[i : i + 1]).name for i in range(len(X))] == [expected] * len(X)


@settings(max_examples=200)
@given(st.sampled_from(sorted(matrices)), st.randoms())
def test_the_order_of_samples_and_genes_says_nothing(what, random):
    expected, X = matrices[what]
    rows, columns = (random.sample(range(n), n) for n in X.shape)
    assert detect_scale(X[rows][:, columns]).name == expected


def test_more_samples_than_are_looked_at_closely():
    many = np.concatenate([cpm] * 10)
    assert detect_scale(many).name == detect_scale(many[rng.permutation(len(many))]).name == "cpm"


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        ("log2p1", np.log2(tpm.astype(float) + 1)),
        ("log1p", np.log1p(tpm.astype(float))),
        ("toil", np.log2(tpm.astype(float) + 0.001)),
        ("tpm", tpm),
    ],
)
def test_to_linear_undoes_what_was_done(scale, values):
    linear = to_linear(values, scale)
    assert linear.dtype == np.float32
    np.testing.assert_allclose(linear, tpm, rtol=1e-5)
    np.testing.assert_array_equal(linear == 0, tpm == 0)
    from_sparse = to_linear(sparse.csr_matrix(values), scale)
    np.testing.assert_array_equal(from_sparse.toarray() if sparse.issparse(from_sparse) else from_sparse, linear)


def test_what_batch_correction_left_below_zero_becomes_zero():
    assert to_linear(np.array([[-4.1, 0.0, 1.0]]), "log2p1").tolist() == [[0, 0, 1]]


def test_z_scores_cannot_be_made_linear():
    with pytest.raises(ValueError, match="'zscore' cannot be made linear"):
        to_linear(np.ones((1, 2)), "zscore")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("tcga_gtex_wide", "log2p1"),
        ("tcga_gtex_panel", "log2p1"),
        ("tcga_htseq_counts", "counts"),
        ("tcga_rsem_normalized", "linear"),
        ("rnaseqdb_expected_count", "counts"),
        ("rnaseqdb_fpkm", "linear"),
    ],
)
def test_real_cohorts_and_each_of_their_samples(real_data, file, expected):
    import anndata as ad

    X = ad.read_h5ad(real_data / f"{file}.h5ad").X
    assert detect_scale(X).name == expected
    assert {detect_scale(X[i : i + 1]).name for i in range(len(X))} == {expected}
    if expected == "log2p1":
        centred = X - X.mean(axis=0)
        assert {detect_scale(centred[i : i + 1]).name for i in range(len(X))} == {"zscore"}
