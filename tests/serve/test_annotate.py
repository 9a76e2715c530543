from __future__ import annotations

import io

import anndata as ad
import h5py
import numpy as np
import pytest

import specformer as sf
from specformer.serve import annotate, embedded_file, nearest_profiles, results


@pytest.fixture(scope="module")
def annotated():
    adata = sf.datasets.simulated_cohort(12, groups=["ACC", "STAD", "LIHC normal"])
    adata.obsm["X_umap"] = np.ones((12, 2))
    annotate(adata)
    return adata


def test_everything_the_page_shows_is_there(annotated):
    assert {"cancer_type_pred", "cancer_type_confidence"} <= set(annotated.obs)
    assert annotated.obsm["X_specformer_umap"].shape == (12, 2)
    np.testing.assert_array_equal(annotated.obsm["X_umap"], 1)  # the file's own stays
    table = results(annotated)
    assert list(table.index) == list(annotated.obs_names)
    assert table["confidence"].between(0, 1).all()


def test_a_profile_is_nearest_to_samples_drawn_around_it(annotated):
    near = nearest_profiles(annotated, k=2)
    assert near["nearest_1"].tolist() == annotated.obs["cancer_type"].astype(str).tolist()
    assert (near["cosine_1"] >= near["cosine_2"]).all()


def test_few_samples_have_no_umap():
    adata = sf.datasets.simulated_cohort(2)
    annotate(adata)
    assert "X_specformer_umap" not in adata.obsm
    assert len(results(adata)) == 2


def test_profiles_need_an_embedding():
    with pytest.raises(KeyError, match="specformer_embed"):
        nearest_profiles(sf.datasets.simulated_cohort(2))


def test_the_file_holds_all_and_nothing_stays(annotated, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = embedded_file(annotated)
    assert not list(tmp_path.iterdir())
    with h5py.File(io.BytesIO(content)) as file:
        read = ad.io.read_elem(file)
    np.testing.assert_array_equal(read.obsm["X_specformer"], annotated.obsm["X_specformer"])
    np.testing.assert_array_equal(read.X, annotated.X)
