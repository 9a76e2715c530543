"""The heads in the package on cohorts as users have them: the real counts where they are, simulated ones everywhere."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import specformer as sf

TYPES = ("ACC", "KICH", "STAD")


def simulated(request):
    """Six tumours of three types, under Ensembl ids with versions."""
    adata = sf.datasets.simulated_cohort(6, groups=TYPES, depth=2e7)
    ensembl = sf.model.load().genes.table.set_index("symbol")["ensembl"]
    adata.var_names = [f"{ensembl[name]}.3" if ensembl.get(name) else name for name in adata.var_names]
    return adata


def real(request):
    """Six tumours of the HTSeq counts, two of each of three types."""
    folder = request.getfixturevalue("real_data")
    adata = ad.read_h5ad(folder / "tcga_htseq_counts.h5ad")
    kept = adata.obs.groupby("cancer_type", observed=True).cumcount() < 2
    return adata[kept & adata.obs["cancer_type"].isin(["PAAD", "KICH", "ACC"])].copy()


@pytest.fixture(scope="module", params=["simulated", pytest.param("real", marks=pytest.mark.real_data)])
def counts(request):
    return {"simulated": simulated, "real": real}[request.param](request)


def predicted(adata):
    sf.tl.predict_cancer_type(adata)
    sf.tl.predict_pathways(adata)
    sf.tl.predict_survival(adata, times=[365, 1825])
    sf.tl.predict_expression(adata)
    return adata


@pytest.fixture(scope="module")
def whole(counts):
    return predicted(counts.copy())


def say_what_they_did(adata):
    head = sf.model.load_head("cancer_type")
    model = sf.model.load()
    for name in ("cancer_type_pred", "pathway_activity", "predicted"):
        assert adata.uns[name]["checkpoint_sha256"] == model.sha256
        assert 0 < adata.uns[name]["gene_coverage"] <= 1
        assert adata.uns[name]["embedded"] in ("now", "before")
    assert adata.uns["cancer_type_pred"]["head"]["n_labels"] == len(head.labels)
    assert set(adata.uns["survival"]) == {"params", "OS", "DSS", "PFI", "DFI"}
    assert adata.uns["specformer"]["scale"]["name"] == "counts"
    assert adata.uns["specformer"]["genes"]["routes"]["ensembl"] > 0


def test_ensembl_counts(whole, counts):
    say_what_they_did(whole)
    assert whole.uns["cancer_type_pred"]["embedded"] == "now"
    assert whole.uns["pathway_activity"]["embedded"] == "before"
    assert (whole.obs["cancer_type_pred"].astype(str) == counts.obs["cancer_type"].astype(str)).mean() > 0.6
    assert np.isfinite(whole.obsm["pathway_activity"]).all(axis=None)
    for endpoint in ("OS", "DSS", "PFI", "DFI"):
        curves = whole.obsm[f"{endpoint}_survival"]
        assert (curves["365"].dropna() >= curves["1825"].dropna()).all()
        assert np.isfinite(whole.obs[f"{endpoint}_risk"]).all()
    known = np.isfinite(whole.layers["predicted"]).all(axis=0)
    assert known.sum() == whole.uns["predicted"]["n_genes"] > 10_000


def test_one_sample_and_a_view_are_as_in_the_cohort(whole, counts):
    for part in (counts[2].copy(), counts[1:3]):
        rows = part.obs_names
        adata = predicted(part)
        say_what_they_did(adata)
        for name in ("cancer_type_proba", "pathway_activity", "OS_survival"):
            np.testing.assert_allclose(adata.obsm[name], whole.obsm[name].loc[rows], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(adata.obs["DFI_risk"], whole.obs.loc[rows, "DFI_risk"], rtol=1e-3, atol=1e-4)


def test_sixty_percent_of_the_genes_missing(whole, counts):
    kept = np.random.default_rng(0).random(counts.n_vars) > 0.6
    few = predicted(counts[:, kept].copy())
    say_what_they_did(few)
    assert few.uns["cancer_type_pred"]["gene_coverage"] < 0.5 * whole.uns["cancer_type_pred"]["gene_coverage"]
    same = few.obs["cancer_type_pred"].astype(str).to_numpy() == whole.obs["cancer_type_pred"].astype(str).to_numpy()
    assert same.mean() > 0.6
    pairs = zip(few.obsm["X_specformer"], whole.obsm["X_specformer"], strict=True)
    assert min(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs) > 0.8
