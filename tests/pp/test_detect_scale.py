from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import specformer as sf


def test_scale_of_x_and_of_a_layer_with_evidence(cohort):
    cohort.layers["log"] = np.log2(cohort.X + 1)
    before = cohort.copy()
    found = sf.pp.detect_scale(cohort)
    assert (found.name, found.invertible, found.evidence["integers"]) == ("counts", True, True)
    assert sf.pp.detect_scale(cohort, "log").name == "log2p1"
    assert list(cohort.uns) == list(before.uns)  # nothing is written


def test_the_base_that_scanpy_recorded_is_believed_for_x_alone(cohort):
    cohort.X = np.log1p(cohort.X * np.float32(1.37))  # nothing in the values tells the base
    assert sf.pp.detect_scale(cohort).name == "log2p1"
    cohort.layers["same"] = cohort.X
    cohort.uns["log1p"] = {"base": None}
    assert sf.pp.detect_scale(cohort).name == "log1p"
    assert sf.pp.detect_scale(cohort, "same").name == "log2p1"
    cohort.uns["log1p"] = {"base": 10}
    with pytest.raises(ValueError, match=r"logarithm to base 10\. Undo it"):
        sf.pp.detect_scale(cohort)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.nan, r"NaN in `adata.X` in 2 of 30 samples: 'sample3', 'sample7'. Drop these samples, or impute"),
        (np.inf, r"Infinite values in `adata.X` in 2 of 30 samples: 'sample3', 'sample7'"),
        (-np.inf, r"Infinite values in `adata.X` in 2 of 30 samples: 'sample3', 'sample7'"),
        (-2, r"Negative counts in `adata.X` in 2 of 30 samples: 'sample3', 'sample7'"),
        (-2.5, r"Negative values among linear values in `adata.X` in 2 of 30 samples: 'sample3', 'sample7'"),
    ],
)
def test_bad_values_are_errors_that_name_the_samples(cohort, container, bad, message):
    X = cohort.X.copy()
    X[[3, 7], [5, 0]] = bad
    cohort.X = container(X)
    with pytest.raises(ValueError, match=message):
        sf.pp.detect_scale(cohort)


@pytest.mark.parametrize("zero", [0, np.log2(0.001)])
def test_samples_without_expression_are_errors_that_name_them(cohort, zero):
    X = cohort.X if zero == 0 else np.log2(cohort.X + 0.001)
    X[4] = zero
    cohort.X = X
    with pytest.raises(ValueError, match=r"No expression at all in `adata.X` in 1 of 30 samples: 'sample4'"):
        sf.pp.detect_scale(cohort)


def test_nothing_at_all_is_an_error():
    with pytest.raises(ValueError, match="0 samples and 3 genes"):
        sf.pp.detect_scale(ad.AnnData(np.zeros((0, 3))))
