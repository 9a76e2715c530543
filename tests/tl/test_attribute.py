from __future__ import annotations

import numpy as np
import pytest
import torch

import specformer as sf

PLANTED = "gene of the label"


@pytest.fixture(scope="module")
def planted(counts):
    """40 samples of which half have thirty times as much of one gene; that half is called "high"."""
    adata = counts.copy()
    gene = adata.var_names[np.argsort(np.median(adata.X, axis=0))[adata.n_vars // 2]]
    high = np.arange(adata.n_obs) % 2 == 0
    adata.X[:, adata.var_names == gene] = np.where(high, 3000.0, 1.0)[:, None]
    adata.obs["label"] = np.where(high, "high", "low")
    adata.obs["level"] = np.where(high, 2.0, -2.0)
    adata.uns[PLANTED] = gene
    return adata


def fitted(adata, model, target="label", *, windows=False, bypass_layers=False):
    cohort = adata.copy()
    sf.tl.specformer_embed(cohort, model, windows=windows, bypass_layers=bypass_layers)
    options = {"aggregator": "gated_attention", "max_epochs": 5} if windows else {"penalty": 0.01}
    return sf.train.fit_head(cohort, target, **options), cohort


def centred_logit(head, cohort):
    """Log odds of the most probable class against the others' mean, from calibrated probabilities."""
    log = np.log(head.predict(cohort.obsm[head.about["use_rep"]]).astype(np.float64))
    best = log.argmax(axis=1)
    others = (log.sum(axis=1) - log.max(axis=1)) / (log.shape[1] - 1)
    return log[np.arange(len(log)), best] - others


@pytest.mark.parametrize("windows", [False, True])
def test_scores_add_up_to_the_output(checkpoint, planted, windows):
    head, cohort = fitted(planted, checkpoint, windows=windows)
    few = cohort[:3].copy()
    table = sf.tl.attribute(few, head, model=checkpoint, n_steps=16)
    assert table.columns.tolist() == ["sample", "gene", "score", "window", "via_windows", "gate"]
    assert len(table) == 3 * planted.n_vars
    assert set(table["gene"]) <= set(checkpoint.genes.table["symbol"])
    assert not table.duplicated(["sample", "gene"]).any()
    output, baseline = (np.array([table.attrs[k][name] for name in few.obs_names]) for k in ("output", "baseline"))
    np.testing.assert_allclose(output, centred_logit(head, few), rtol=1e-3, atol=1e-4)
    found = table.groupby("sample")["score"].sum()[few.obs_names]
    np.testing.assert_allclose(found, output - baseline, rtol=0.01, atol=1e-3)
    if not checkpoint.config.n_anchor:
        np.testing.assert_array_equal(table["score"], table["via_windows"])
    # A window's share in the vector: windows are those of the order, and the head of it is window 0.
    gates = table.groupby("sample")[["window", "gate"]].apply(lambda one: one.drop_duplicates("window")["gate"].sum())
    assert (gates <= 1 + 1e-5).all()
    if not windows and checkpoint.config.pooling == "gated_attention":
        sf.tl.specformer_embed(few, checkpoint, windows=True)
        pooling = checkpoint.model.pooling
        with torch.no_grad():
            stack = torch.from_numpy(few.obsm["X_specformer_windows"][:1])
            weights = pooling(stack, torch.ones(stack.shape[:2], dtype=torch.bool))[1][0].numpy()
        first = table[table["sample"] == few.obs_names[0]]
        np.testing.assert_allclose(first["gate"], weights[first["window"]], rtol=1e-4)


def test_a_gene_lies_in_the_window_of_its_rank(checkpoint, planted):
    head, cohort = fitted(planted, checkpoint)
    table = sf.tl.attribute(cohort[:1], head, model=checkpoint, n_steps=2).set_index("gene")
    ranked = cohort[:1].copy()
    sf.pp.tfidf_order(ranked, reference=checkpoint)
    symbols = checkpoint.genes.table["symbol"].to_numpy()
    row = sf.genes.match_genes(list(ranked.var_names), checkpoint.genes).index
    rank = ranked.layers["tfidf_rank"][0]
    starts = sf.model.window_starts(planted.n_vars, 64, 32)
    window = table.loc[symbols[row], "window"].to_numpy()
    assert ((starts[window] <= rank) & (rank < starts[window] + 64)).all()


def test_the_planted_gene_carries_the_label(anchored, planted):
    head, cohort = fitted(planted, anchored)
    few = cohort[:8].copy()
    table = sf.tl.attribute(few, head, label="high", groupby="label", model=anchored, n_steps=4)
    assert table.columns[0] == "group"
    high = table[table["group"] == "high"]
    assert planted.uns[PLANTED] in high["gene"].head(3).to_list()
    low = sf.tl.attribute(few, head, label="low", groupby="label", model=anchored, n_steps=4)
    # Two classes: what speaks for one speaks against the other.
    merged = table.merge(low, on=["group", "gene"])
    np.testing.assert_allclose(merged["score_x"], -merged["score_y"], rtol=1e-3, atol=1e-4)


def test_through_the_anchor_alone_it_is_the_linear_map(anchored, planted):
    head, cohort = fitted(planted, anchored, "level", bypass_layers=True)
    table = sf.tl.attribute(cohort[:2], head, model=anchored, n_steps=1)
    assert (table["window"] == -1).all()
    assert (table["via_windows"] == 0).all()
    found = table.pivot(index="sample", columns="gene", values="score")
    row = np.sort(sf.genes.match_genes(list(cohort.var_names), anchored.genes).index)
    loadings = anchored.model.anchor.loadings.numpy()[row].astype(float)
    inverse = np.linalg.inv(loadings.T @ loadings + anchored.config.noise_variance * np.eye(8))
    weight = head.layers[0].weight.detach().numpy()[0] / head.scale.numpy() * float(head.target_scale[0])
    by_gene = loadings @ inverse @ anchored.model.anchor.whitening.numpy() @ weight
    # What multiplies the map is the gene's standardised score.
    ranked = sf.pp.tfidf_order(cohort[:2].copy(), reference=anchored, copy=True)
    at = {name: i for i, name in enumerate(sf.genes.match_genes(list(cohort.var_names), anchored.genes).index)}
    ranks = ranked.layers["tfidf_rank"][:, [at[i] for i in row]]
    panel = sf.model.GenePanel(anchored.model, anchored.genes, row)
    scores = panel.scores(ranks, ranked.obs["n_genes_expressed"].to_numpy())
    symbols = anchored.genes.table["symbol"].to_numpy()[row]
    np.testing.assert_allclose(found.loc[cohort.obs_names[:2], symbols], scores * by_gene, rtol=1e-3, atol=1e-5)


def test_against_one_class_and_refusals(anchored, planted):
    adata = planted.copy()
    adata.obs["kind"] = np.array(["a", "b", "c"])[np.arange(40) % 3]
    head, cohort = fitted(adata, anchored, "kind")
    one = cohort[:1].copy()
    pairs = {
        other: sf.tl.attribute(one, head, label="a", against=other, model=anchored, n_steps=4).attrs["output"]
        for other in ("b", "c")
    }
    both = sf.tl.attribute(one, head, label="a", model=anchored, n_steps=4).attrs["output"]
    name = one.obs_names[0]
    assert both[name] == pytest.approx((pairs["b"][name] + pairs["c"][name]) / 2, abs=1e-5)
    with pytest.raises(ValueError, match="`label` is 'd'"):
        sf.tl.attribute(one, head, label="d", model=anchored)
    with pytest.raises(ValueError, match="expected another class"):
        sf.tl.attribute(one, head, label="a", against="a", model=anchored)
    cohort.obsm["X_pca"] = np.log1p(cohort.X[:, :5])
    with pytest.raises(ValueError, match="no checkpoint made"):
        sf.tl.attribute(one, sf.train.fit_head(cohort, "kind", use_rep="X_pca"), model=anchored)
    cohort.layers["log"] = np.log1p(cohort.X)
    with pytest.raises(ValueError, match="150 targets; say which"):
        sf.tl.attribute(one, sf.train.fit_head(cohort, "log", penalty=1.0), model=anchored)


def test_too_few_steps_are_warned_of(anchored, planted, caplog, monkeypatch):
    monkeypatch.setattr("specformer.tl._attribute.TOLERANCE", 0.01)
    head, cohort = fitted(planted, anchored, windows=True)
    sf.tl.attribute(cohort[:2], head, model=anchored, n_steps=16)
    assert "raise `n_steps`" not in caplog.text
    sf.tl.attribute(cohort[:2], head, model=anchored, n_steps=1)
    assert "raise `n_steps` above 1" in caplog.text


def test_without_captum_it_says_what_to_install(monkeypatch, planted):
    monkeypatch.setattr("specformer.tl._attribute.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"specformer\[attribution\]"):
        sf.tl.attribute(planted)
