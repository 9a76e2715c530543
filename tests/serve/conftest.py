from __future__ import annotations

import pytest

import specformer as sf


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A small table of counts, genes in rows."""
    path = tmp_path_factory.mktemp("upload") / "cohort.csv"
    adata = sf.datasets.simulated_cohort(12, groups=["ACC", "STAD", "LIHC normal"])[:, :4000]
    adata.to_df().T.astype(int).to_csv(path)
    return path
