"""Heads applied to cohorts as users have them."""

from __future__ import annotations

import inspect
import re
import shutil
from copy import deepcopy

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import specformer as sf

TYPES = ("ACC", "KICH", "STAD")
HEADS = {"cancer_type": "cancer_type", "pathways": "pathway_score", "OS": "OS"}


@pytest.fixture(scope="module")
def labelled(counts):
    """90 samples of three types, of the genes that the small checkpoint knows, with an endpoint."""
    adata = sf.datasets.simulated_cohort(90, groups=TYPES, depth=2e6)[:, counts.var_names].copy()
    rng = np.random.default_rng(0)
    hazard = adata.obs["cancer_type"].map({"ACC": 0.0, "KICH": 1.5, "STAD": 3.0}).astype(float).to_numpy()
    time, censored = rng.exponential(1000 * np.exp(-hazard)), rng.exponential(1500, 90)
    adata.obs["OS"], adata.obs["OS.time"] = (time <= censored) * 1.0, np.minimum(time, censored) + 1
    return adata


@pytest.fixture(scope="module")
def fitted(labelled, anchored, tmp_path_factory):
    """A small checkpoint with the heads of a shipped one, and the cohort as embedded: by the anchor, for speed."""
    path = tmp_path_factory.mktemp("fitted") / "anchored"
    shutil.copytree(anchored.path, path)
    adata = labelled.copy()
    sf.tl.specformer_embed(adata, path, bypass_layers=True)
    sf.tl.score_pathways(adata, {f"set{i}": list(adata.var_names[10 * i : 10 * i + 12]) for i in range(5)})
    for name, target in HEADS.items():
        sf.model.save_head(sf.train.fit_head(adata, target), path / "heads" / name)
    return path, adata


def predict(adata, path):
    model = sf.model.load(path)
    sf.tl.predict_cancer_type(adata, model=model)
    sf.tl.predict_pathways(adata, model=model)
    sf.tl.predict_survival(adata, endpoints=["OS"], times=[100, 500], model=model)
    sf.tl.predict_expression(adata, model=model)
    return adata


def ensembl(labelled, path, rng):
    """Integer counts under Ensembl ids with versions."""
    named = sf.model.load(path).genes.table.set_index("symbol")["ensembl"]
    labelled.var_names = [f"{named[symbol]}.7" if named.get(symbol) else symbol for symbol in labelled.var_names]
    return labelled


def missing_genes(labelled, path, rng):
    return labelled[:, rng.random(labelled.n_vars) > 0.6].copy()


WAYS = {
    "as it is": lambda adata, path, rng: adata,
    "ensembl": ensembl,
    "60 % of the genes missing": missing_genes,
    "a view": lambda adata, path, rng: adata[::2],
    "one sample": lambda adata, path, rng: adata[4].copy(),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_predictions_of_a_cohort(fitted, labelled, way, tmp_path):
    path, _ = fitted
    adata = WAYS[way](labelled.copy(), path, np.random.default_rng(0))
    n, X = adata.n_obs, adata.X.copy()
    truth = adata.obs["cancer_type"].astype(str).to_numpy()
    predict(adata, path)
    assert (adata.X == X).all()
    if n > 1:
        assert (adata.obs["cancer_type_pred"].astype(str) == truth).mean() > (0.6 if "missing" in way else 0.8)
    proba = adata.obsm["cancer_type_proba"]
    assert proba.columns.tolist() == list(TYPES)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(adata.obs["cancer_type_confidence"], proba.max(axis=1))
    assert adata.obs["cancer_type_unlike_training"].dtype == bool
    assert adata.obsm["pathway_activity"].columns.tolist() == [f"set{i}" for i in range(5)]
    assert adata.obs["OS_risk"].dtype == np.float32
    curves = adata.obsm["OS_survival"]
    assert curves.columns.tolist() == ["100", "500"]
    assert ((curves["100"] >= curves["500"]) & (curves["500"] >= 0)).all()
    assert adata.layers["predicted"].shape == adata.shape
    assert adata.obsm["X_specformer"].shape == (n, 8)
    for note in ("cancer_type_pred", "pathway_activity", "predicted"):
        assert adata.uns[note]["checkpoint_sha256"] == sf.model.load(path).sha256
        assert 0 < adata.uns[note]["gene_coverage"] <= 1
    assert adata.uns["survival"]["OS"]["head"]["task"] == "survival"
    adata.write_h5ad(tmp_path / "a.h5ad")
    again = ad.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(again.obsm["cancer_type_proba"], proba)


def test_a_sample_alone_is_predicted_as_in_its_cohort(fitted, labelled):
    path, _ = fitted
    whole, alone = predict(labelled.copy(), path), predict(labelled[7].copy(), path)
    for found in ("cancer_type_proba", "pathway_activity", "OS_survival"):
        np.testing.assert_allclose(alone.obsm[found], whole.obsm[found].iloc[[7]], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone.layers["predicted"], whole.layers["predicted"][[7]], atol=1e-4)


def test_an_embedding_of_the_same_kind_is_used_and_others_are_not(fitted, labelled, anchored):
    path, embedded = fitted
    adata = embedded.copy()
    sf.tl.predict_cancer_type(adata, model=path)
    assert adata.uns["cancer_type_pred"]["embedded"] == "before"
    expected = adata.obsm["cancer_type_proba"].copy()

    stale = labelled.copy()
    sf.tl.specformer_embed(stale, path)  # by the layers, as the head's vectors were not
    vectors = stale.obsm["X_specformer"].copy()
    sf.tl.predict_cancer_type(stale, model=path)
    assert stale.uns["cancer_type_pred"]["embedded"] == "now"
    np.testing.assert_array_equal(stale.obsm["X_specformer"], vectors)
    assert not stale.uns["specformer"]["params"]["bypass_layers"]
    pd.testing.assert_frame_equal(stale.obsm["cancer_type_proba"], expected)

    fresh = labelled.copy()
    sf.tl.predict_cancer_type(fresh, path / "heads" / "cancer_type")  # the checkpoint is the one it lies beside
    assert fresh.uns["cancer_type_pred"]["embedded"] == "now"
    np.testing.assert_array_equal(fresh.obsm["X_specformer"], embedded.obsm["X_specformer"])


def test_a_head_of_another_checkpoint_is_refused(fitted, labelled, anchored, tmp_path):
    path, _ = fitted
    model = deepcopy(anchored.model)
    model.query.weight.data += 1
    other = sf.model.load(sf.model.save(tmp_path / "other", model, anchored.genes))
    adata = labelled.copy()
    with pytest.raises(ValueError, match="fitted on vectors of the checkpoint 'anchored'"):
        sf.tl.predict_cancer_type(adata, path / "heads" / "cancer_type", model=other)
    assert not adata.obsm
    with pytest.raises(FileNotFoundError, match="has no head 'cancer_type'"):
        sf.tl.predict_cancer_type(adata, model=other)


def test_uncertain_and_unlike(fitted, labelled):
    path, embedded = fitted
    adata = embedded.copy()
    sf.tl.predict_cancer_type(adata, model=path, min_confidence=1.01)
    assert adata.obs["cancer_type_pred"].cat.categories.tolist() == ["uncertain"], "types that do not occur"
    assert (adata.obs["cancer_type_pred"] == "uncertain").all()
    assert adata.uns["cancer_type_pred"]["n_uncertain"] == 90
    assert adata.obs["cancer_type_unlike_training"].mean() < 0.1
    others = sf.datasets.simulated_cohort(20, groups=["LGG", "Salivary gland GTEx"], depth=2e6)[:, labelled.var_names]
    sf.tl.predict_cancer_type(others, model=path)
    assert others.obs["cancer_type_unlike_training"].mean() > 0.8


def test_merged_types_and_other_names(fitted):
    path, embedded = fitted
    adata = sf.tl.predict_cancer_type(
        embedded, model=path, merge={"ACC": "ACC or KICH", "KICH": "ACC or KICH"}, key_added="kind", copy=True
    )
    assert adata.obsm["kind_proba"].columns.tolist() == ["ACC or KICH", "STAD"]
    assert (adata.obs["kind_pred"] == "ACC or KICH").sum() == pytest.approx(60, abs=5)
    assert "kind_pred" not in embedded.obs
    with pytest.raises(ValueError, match="'COAD', 'READ', which this head does not know"):
        sf.tl.predict_cancer_type(adata, model=path, merge=True)


def test_heads_of_another_task_are_refused(fitted):
    path, embedded = fitted
    for function, wrong in (
        (sf.tl.predict_cancer_type, "pathways"),
        (sf.tl.predict_pathways, "OS"),
        (sf.tl.predict_survival, "cancer_type"),
        (sf.tl.predict_expression, "OS"),
    ):
        with pytest.raises(ValueError, match="head"):
            function(embedded.copy(), wrong, model=path)


def test_pathways_are_in_deviations_of_the_training_cohort(fitted):
    path, embedded = fitted
    adata = embedded.copy()
    sf.tl.predict_pathways(adata, model=path)
    activity = adata.obsm["pathway_activity"].to_numpy()
    np.testing.assert_allclose(activity.mean(axis=0), 0, atol=0.2)
    target = embedded.obsm["pathway_score"].to_numpy()
    assert np.nanmean(sf.metrics.columnwise_pearson(target, activity)) > 0.5


def test_risk_orders_the_types_as_planted(fitted):
    path, embedded = fitted
    adata = embedded.copy()
    sf.tl.predict_survival(adata, endpoints=["OS"], model=path)
    means = adata.obs.groupby("cancer_type", observed=True)["OS_risk"].mean()
    assert means["ACC"] < means["KICH"] < means["STAD"]
    assert "OS_survival" not in adata.obsm


def test_curves_of_a_stratified_head_need_the_strata(fitted):
    path, embedded = fitted
    head = sf.train.fit_head(embedded, "OS", strata="cancer_type")
    adata = embedded.copy()
    adata.obs["type"] = adata.obs["cancer_type"].astype(str).replace("ACC", "unknown")
    sf.tl.predict_survival(adata, head, times=[100], strata="type", model=path)
    missing = adata.obsm["OS_survival"]["100"].isna()
    assert missing[adata.obs["cancer_type"] == "ACC"].all()
    assert not missing[adata.obs["cancer_type"] == "STAD"].any()
    del adata.obs["cancer_type"]
    with pytest.raises(KeyError, match="fitted in strata of 'cancer_type'"):
        sf.tl.predict_survival(adata, head, times=[100], model=path)


def test_expression_is_read_back_through_the_anchor(fitted):
    path, embedded = fitted
    model, adata = sf.model.load(path), embedded.copy()
    sf.tl.predict_expression(adata, model=model)
    latent = np.linalg.solve(model.model.anchor.whitening.numpy().T.astype(float), embedded.obsm["X_specformer"].T).T
    table = model.genes.table
    expected = (
        latent @ model.model.anchor.loadings.numpy().T * table["score_sd"].to_numpy() + table["score_mean"].to_numpy()
    )
    column = sf.genes.match_genes(list(adata.var_names), model.genes).index
    np.testing.assert_allclose(adata.layers["predicted"], expected[:, column], atol=1e-3)
    adata.layers["log"] = np.log1p(adata.X)
    head = sf.train.fit_head(adata, "log")
    strange = adata[:, [0, 1]].copy()
    strange.var_names = [adata.var_names[0], "NOGENE"]
    sf.tl.predict_expression(strange, head, model=model)
    assert np.isnan(strange.layers["predicted"][:, 1]).all()
    assert np.corrcoef(strange.layers["predicted"][:, 0], strange.layers["log"][:, 0])[0, 1] > 0


@pytest.mark.parametrize("aggregator", ["mean", "attention", "gated_attention", "transformer"])
@pytest.mark.parametrize("window_embedding", ["cls", "mean"])
def test_heads_on_windows(checkpoint, labelled, window_embedding, aggregator):
    if window_embedding == "cls" and not checkpoint.config.cls_token:
        with pytest.raises(ValueError, match="needs `cls_token=True`"):
            sf.model.load(checkpoint.path, window_embedding="cls")
        return
    model = sf.model.load(checkpoint.path, window_embedding=window_embedding)
    adata = labelled.copy()
    sf.tl.specformer_embed(adata, model, windows=True)
    head = sf.train.fit_head(adata, "cancer_type", aggregator=aggregator, learning_rate=0.01, max_epochs=10)
    new = labelled[:6].copy()
    sf.tl.predict_cancer_type(new, head, model=checkpoint)  # makes windows as the head's were
    assert new.uns["cancer_type_pred"]["embedded"] == "now"
    expected = head.predict(adata.obsm["X_specformer_windows"][:6])
    np.testing.assert_allclose(new.obsm["cancer_type_proba"], expected, rtol=1e-3, atol=1e-4)
    assert new.obsm["X_specformer_windows"].shape[1:] == adata.obsm["X_specformer_windows"].shape[1:]


def described(function):
    """What a docstring says of each parameter, in one line."""
    text = inspect.cleandoc(function.__doc__).split("Parameters\n----------\n")[1].split("\n\n")[0]
    found = re.findall(r"^(\w[\w, ]*)\n((?: .*\n?)+)", text, flags=re.MULTILINE)
    return {name: " ".join(what.split()) for name, what in found}


@pytest.mark.parametrize("name", ["adata", "model", "layer, gene_key", "device", "mod", "copy"])
def test_predictions_describe_alike_what_they_share(name):
    """Repeated in each docstring, so that an editor shows it: here it is kept from drifting apart."""
    functions = (sf.tl.predict_cancer_type, sf.tl.predict_pathways, sf.tl.predict_survival, sf.tl.predict_expression)
    first, *others = (described(function)[name].rstrip(".") for function in functions)
    assert all(other.startswith(first) for other in others)


def test_a_head_of_any_other_matrix_reads_it_as_it_is(labelled):
    adata = labelled.copy()
    adata.obsm["X_pca"] = np.log1p(adata.X[:, :5])
    head = sf.train.fit_head(adata, "cancer_type", use_rep="X_pca")
    sf.tl.predict_cancer_type(adata, head)
    assert adata.uns["cancer_type_pred"]["use_rep"] == "X_pca"
    del adata.obsm["X_pca"]
    with pytest.raises(KeyError, match="X_pca"):
        sf.tl.predict_cancer_type(adata, head)
