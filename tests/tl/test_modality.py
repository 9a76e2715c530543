from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import specformer as sf

md = pytest.importorskip("mudata")


def test_a_mudata_is_embedded_in_its_modality(counts, checkpoint):
    rna = counts[:4].copy()
    mdata = md.MuData({"rna": rna.copy(), "prot": ad.AnnData(np.ones((4, 2), np.float32), obs=rna.obs[[]])})
    assert sf.tl.specformer_embed(mdata, checkpoint, mod="rna") is None
    sf.tl.specformer_embed(rna, checkpoint)
    np.testing.assert_array_equal(mdata["rna"].obsm["X_specformer"], rna.obsm["X_specformer"])
    assert "X_specformer" not in mdata["prot"].obsm


def test_heads_and_predictions_take_a_modality():
    rna = sf.datasets.simulated_cohort(4, groups=["ACC", "STAD"])
    mdata = md.MuData({"rna": rna})
    sf.tl.predict_cancer_type(mdata, mod="rna", min_confidence=0)
    assert "cancer_type_pred" in mdata["rna"].obs
    with pytest.raises(ValueError, match="a MuData and no `mod`"):
        sf.tl.predict_pathways(mdata)
