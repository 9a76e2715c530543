from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import specformer as sf
from specformer.serve import describe


@pytest.fixture(scope="module")
def cohort():
    return sf.datasets.simulated_cohort(12, groups=["ACC", "STAD", "LIHC normal"])


def test_a_good_cohort(cohort):
    found = describe(cohort)
    assert (found.n_samples, found.scale) == (12, "counts")
    assert found.n_genes == cohort.n_vars
    assert found.coverage > 0.9
    assert found.routes["symbol"] > 10_000
    assert not found.warnings


def test_few_genes_are_worth_a_warning(cohort):
    found = describe(cohort[:, :300])
    assert found.n_known <= 300
    assert "of the checkpoint's genes are at hand" in found.warnings[0]


def test_many_strange_names_are_worth_a_warning(cohort):
    adata = cohort[:, :1000].copy()
    adata.var_names = [*adata.var_names[:400], *(f"LOC{i}X" for i in range(600))]
    assert any("of 1,000 names are no genes" in warning for warning in describe(adata).warnings)


def test_a_whole_genome_is_not(cohort):
    more = ad.AnnData(np.ones((12, 20_000), np.float32), obs=cohort.obs[[]])
    more.var_names = [f"ENSG99{i:09d}" for i in range(20_000)]
    adata = ad.concat([cohort, more], axis=1)
    assert not describe(adata).warnings


def test_z_scores_are_refused(cohort):
    adata = cohort.copy()
    adata.X = (adata.X - adata.X.mean(axis=0)) / (adata.X.std(axis=0) + 1)
    with pytest.raises(ValueError, match="z-scores"):
        describe(adata)


def test_the_cohort_is_only_read(cohort):
    before = cohort.X.copy()
    describe(cohort)
    np.testing.assert_array_equal(cohort.X, before)
    assert not cohort.obsm
    assert set(cohort.uns) == {"simulated"}
