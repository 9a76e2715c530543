from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer.pp._modality import modality

md = pytest.importorskip("mudata")


@pytest.fixture
def mdata(cohort):
    other = ad.AnnData(np.ones((cohort.n_obs, 3), np.float32), obs=cohort.obs[[]])
    other.var_names = ["protein1", "protein2", "protein3"]
    return md.MuData({"rna": cohort, "prot": other})


def test_results_go_into_the_modality(mdata, cohort):
    assert sf.pp.detect_scale(mdata, mod="rna").name == "counts"
    sf.pp.tfidf_order(mdata, mod="rna")
    sf.pp.tfidf_order(cohort)
    np.testing.assert_array_equal(mdata["rna"].layers["tfidf_rank"], cohort.layers["tfidf_rank"])
    assert not mdata["prot"].layers


def test_a_copy_is_the_modality(mdata):
    copied = sf.pp.tfidf_order(mdata, mod="rna", copy=True)
    assert isinstance(copied, ad.AnnData)
    assert "tfidf_rank" in copied.layers
    assert "tfidf_rank" not in mdata["rna"].layers


def test_genes_are_harmonised_in_place(mdata):
    table = pd.DataFrame({"symbol": mdata["rna"].var_names[:5], "ensembl": "", "aliases": ""})
    sf.pp.harmonize_genes(mdata, mod="rna", table=table)
    assert (mdata["rna"].var["gene_id"] != "").sum() == 5


def test_errors_name_the_cure(mdata, cohort):
    with pytest.raises(ValueError, match=r"a MuData and no `mod`.*mod='rna'.*Present: 'rna', 'prot'"):
        sf.pp.detect_scale(mdata)
    with pytest.raises(KeyError, match="no modality 'atac'"):
        sf.pp.detect_scale(mdata, mod="atac")
    with pytest.raises(ValueError, match="but this is an AnnData"):
        sf.pp.detect_scale(cohort, mod="rna")
    with pytest.raises(TypeError, match="got DataFrame"):
        modality(cohort.to_df(), None)
