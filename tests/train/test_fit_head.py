from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

import specformer as sf
from specformer.train._head_reference import breslow

N, D = 400, 6


def planted(seed=0, n=N, ties=True):
    """Vectors with a label, a linear target and a hazard planted in them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, D)).astype(np.float32)
    kind = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + 0.3 * rng.standard_normal((n, 3)), axis=1)]
    hazard = X[:, 0] - 0.5 * X[:, 1]
    time = rng.exponential(np.exp(-hazard)) * 300
    censored = rng.exponential(600, n)
    obs = pd.DataFrame(
        {
            "kind": kind,
            "value": X[:, 0] * 3 + 10 + 0.1 * rng.standard_normal(n),
            "patient": [f"p{i // 2}" for i in range(n)],
            "OS": (time <= censored).astype(float),
            "OS.time": np.ceil(np.minimum(time, censored) / (20 if ties else 1e-6)),
        },
        index=[f"s{i}" for i in range(n)],
    )
    adata = ad.AnnData(np.zeros((n, 1), np.float32), obs=obs)
    adata.obsm["X_specformer"] = X
    adata.obsm["Y"] = pd.DataFrame(X[:, :2] @ [[1.0, 2], [0, 1]] + [5, -5], columns=["p", "q"], index=obs.index)
    adata.uns["specformer"] = {
        "params": {"pooling": "mean", "bypass_layers": False, "layer": None},
        "checkpoint": {"name": "planted", "sha256": "1" * 64},
    }
    return adata


@pytest.fixture(scope="module")
def cohort():
    return planted()


def test_labels_are_learnt_and_calibrated(cohort):
    head = sf.train.fit_head(cohort, "kind")
    new = planted(1)
    proba = head.predict(new.obsm["X_specformer"])
    assert (np.array(head.labels)[proba.argmax(axis=1)] == new.obs["kind"]).mean() > 0.8
    kind = new.obs["kind"].to_numpy()
    assert sf.metrics.expected_calibration_error(kind, proba, head.labels) < 0.08
    about = head.about
    assert about["checkpoint"] == {"name": "planted", "sha256": "1" * 64}
    assert about["embedding"] == {"pooling": "mean", "bypass_layers": False}
    assert about["training"]["n_train"] + about["training"]["n_validation"] == N
    assert sum(about["training"]["n_by_class"].values()) == about["training"]["n_train"]
    assert about["metrics"]["validation"]["accuracy"] > 0.75


def test_temperature_undoes_overconfidence(cohort):
    """Hardly any penalty on few samples: sure of itself, until validation patients are asked."""
    small = cohort[:160].copy()
    head = sf.train.fit_head(small, "kind", penalty=1e-4)
    new = planted(1)
    kind, X = new.obs["kind"].to_numpy(), new.obsm["X_specformer"]
    calibrated = sf.metrics.expected_calibration_error(kind, head.predict(X), head.labels)
    head.temperature = torch.tensor(1.0)
    assert calibrated < sf.metrics.expected_calibration_error(kind, head.predict(X), head.labels)


def test_strange_samples_are_far_and_threshold_is_the_quantile(cohort):
    head = sf.train.fit_head(cohort, "kind", unlike_quantile=0.9)
    new = planted(1).obsm["X_specformer"]
    threshold = float(head.threshold)
    assert 0.02 < (head.distance(new) > threshold).mean() < 0.25
    assert (head.distance(new + 8) > threshold).all()


def test_ridge_is_scikit_learns(cohort):
    from sklearn.linear_model import Ridge

    head = sf.train.fit_head(cohort, "Y", penalty=0.3)
    is_train = is_training(cohort)
    X, Y = cohort.obsm["X_specformer"][is_train].astype(float), cohort.obsm["Y"].to_numpy()[is_train]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = Ridge(alpha=0.3 * len(Z)).fit(Z, (Y - Y.mean(axis=0)) / Y.std(axis=0)).predict(Z)
    np.testing.assert_allclose(head.predict(X), expected * Y.std(axis=0) + Y.mean(axis=0), rtol=1e-4)
    assert head.labels == ["p", "q"]


def test_logistic_regression_is_scikit_learns(cohort):
    from sklearn.linear_model import LogisticRegression

    head = sf.train.fit_head(cohort, "kind", penalty=0.01)
    is_train = is_training(cohort)
    X = cohort.obsm["X_specformer"][is_train].astype(float)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = LogisticRegression(C=1 / (0.01 * len(Z)), tol=1e-8, max_iter=1000).fit(Z, cohort.obs["kind"][is_train])
    head.temperature = torch.tensor(1.0)
    np.testing.assert_allclose(head.predict(X), expected.predict_proba(Z), atol=1e-5)


def test_cox_is_scikit_survivals(cohort):
    head = sf.train.fit_head(cohort, "OS", penalty=0.05)
    is_train = is_training(cohort)
    X = cohort.obsm["X_specformer"][is_train].astype(float)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    event, time = cohort.obs["OS"][is_train] == 1, cohort.obs["OS.time"][is_train]
    oracle = CoxPHSurvivalAnalysis(alpha=0.05 * event.sum(), ties="efron", tol=1e-12)
    oracle.fit(Z, Surv.from_arrays(event, time))
    risk = Z @ oracle.coef_
    np.testing.assert_allclose(head.predict(X)[:, 0], risk - risk.mean(), atol=1e-4)


def test_a_planted_hazard_is_recovered_and_agrees_with_scikit_survival(cohort):
    head, new = sf.train.fit_head(cohort, "OS"), planted(1)
    risk = head.predict(new.obsm["X_specformer"])[:, 0]
    truth = new.obsm["X_specformer"][:, 0] - 0.5 * new.obsm["X_specformer"][:, 1]
    assert np.corrcoef(risk, truth)[0, 1] > 0.97
    event, time = new.obs["OS"].to_numpy() == 1, new.obs["OS.time"].to_numpy()
    expected = concordance_index_censored(event, time, risk)[0]
    assert sf.metrics.harrell_c(event, time, risk) == pytest.approx(expected, abs=1e-6)
    assert head.about["training"]["n_events"] > 50


def test_breslow_is_nelson_aalen_without_risks_and_scikit_survivals_with(cohort):
    event, time = cohort.obs["OS"].to_numpy() == 1, cohort.obs["OS.time"].to_numpy()
    at, hazard = breslow(event, time, np.zeros(len(time)))
    by_definition = np.cumsum([((time == t) & event).sum() / (time >= t).sum() for t in at])
    np.testing.assert_allclose(hazard, by_definition)
    X = cohort.obsm["X_specformer"].astype(float)
    oracle = CoxPHSurvivalAnalysis(alpha=1e-3, ties="breslow").fit(X, Surv.from_arrays(event, time))
    at, hazard = breslow(event, time, oracle.predict(X))
    np.testing.assert_allclose(hazard, oracle.cum_baseline_hazard_(at), rtol=1e-6)


def test_strata_take_what_is_between_them_out_of_the_head():
    """A stratum that decides everything: the pooled head learns it, the stratified one cannot."""
    adata = planted()
    stratum = (adata.obsm["X_specformer"][:, 5] > 0).astype(int)
    adata.obs["type"] = pd.Categorical.from_codes(stratum, ["slow", "fast"])
    adata.obs["OS.time"] = np.where(stratum == 1, adata.obs["OS.time"], 50 * adata.obs["OS.time"])
    pooled, within = sf.train.fit_head(adata, "OS"), sf.train.fit_head(adata, "OS", strata="type")
    weights = [np.abs(head.layers[0].weight.detach().numpy()[0]) for head in (pooled, within)]
    assert weights[0][5] > 0.5
    assert weights[1][5] < 0.25
    assert within.about["training"]["strata_labels"] == ["fast", "slow"]
    assert set(within.baseline_stratum.tolist()) == {0, 1}


def test_a_stratum_without_an_event_has_no_curve():
    adata = planted()
    adata.obs["type"] = np.where(np.arange(N) // 2 % 2, "seen", "all censored")
    adata.obs.loc[adata.obs["type"] == "all censored", "OS"] = 0.0
    head = sf.train.fit_head(adata, "OS", strata="type", penalty=0.1)
    assert head.about["training"]["strata_labels"] == ["all censored", "seen"]
    curves = head.survival_curves(np.zeros(2), np.array([2.0]), np.array([0, 1]))
    assert np.isnan(curves[0, 0])
    assert 0 < curves[1, 0] < 1


@pytest.mark.parametrize("aggregator", ["mean", "attention", "gated_attention", "transformer"])
def test_windows_through_every_aggregator(aggregator):
    """The label is in one window of four, known by its mark."""
    adata = planted(n=160)
    rng = np.random.default_rng(0)
    windows = rng.standard_normal((160, 4, 8)).astype(np.float32) * 0.3
    windows[np.arange(160), rng.integers(0, 4, 160), :6] += adata.obsm["X_specformer"]
    adata.obsm["X_specformer_windows"] = windows
    head = sf.train.fit_head(adata, "kind", aggregator=aggregator, hidden=(16,), learning_rate=0.01, max_epochs=40)
    guess = np.array(head.labels)[head.predict(windows).argmax(axis=1)]
    assert (guess == adata.obs["kind"]).mean() > 0.6
    assert head.about["use_rep"] == "X_specformer_windows"
    assert head.about["training"]["best_epoch"] <= head.about["training"]["epochs"] <= 40


@pytest.mark.parametrize("hidden", [(), (8,)])
@pytest.mark.parametrize("target", ["kind", "value", "OS"])
def test_the_same_call_gives_the_same_head(cohort, target, hidden):
    torch.manual_seed(11)
    heads = [sf.train.fit_head(cohort, target, hidden=hidden, max_epochs=5) for _ in range(2)]
    after = torch.rand(1)
    for name, tensor in heads[0].state_dict().items():
        assert torch.equal(tensor, heads[1].state_dict()[name]), name
    torch.manual_seed(11)
    assert torch.rand(1) == after, "the user's stream is left alone"


def test_training_stops_when_validation_gets_no_better():
    adata = planted(n=60)
    adata.obs["noise"] = np.random.default_rng(0).choice(["x", "y"], 60)
    head = sf.train.fit_head(adata, "noise", hidden=(32,), learning_rate=0.02, max_epochs=500, patience=5)
    assert head.about["training"]["epochs"] == head.about["training"]["best_epoch"] + 5


def test_balanced_classes_count_alike():
    adata = planted()
    adata = adata[(adata.obs["kind"] != "c") & ((adata.obs["kind"] == "a") | (np.arange(N) % 8 == 0))].copy()
    rare = adata.obsm["X_specformer"][adata.obs["kind"] == "b"]
    plain, balanced = (sf.train.fit_head(adata, "kind", penalty=0.1, class_weight=w) for w in (None, "balanced"))
    assert balanced.predict(rare)[:, 1].mean() > plain.predict(rare)[:, 1].mean() + 0.1


def test_missing_and_impossible_endpoints_are_left_out_and_counted(cohort):
    adata = cohort.copy()
    adata.obs.loc["s0", "OS"] = np.nan
    adata.obs.loc["s1", "OS.time"] = np.nan
    adata.obs.loc[["s2", "s3", "s4"], "OS.time"] = [0, -5, 0]
    head = sf.train.fit_head(adata, "OS", penalty=0.1)
    assert head.about["training"]["left_out"] == {"endpoint missing": 2, "time not above zero": 3}
    without = sf.train.fit_head(adata[5:].copy(), "OS", penalty=0.1)
    np.testing.assert_allclose(head.layers[0].weight.detach(), without.layers[0].weight.detach(), atol=2e-3)


def test_held_out_samples_are_not_looked_at(cohort):
    adata = cohort.copy()
    sf.pp.split(adata, stratify=None, fractions=(0.6, 0.2, 0.2))
    head = sf.train.fit_head(adata, "kind")
    test = (adata.obs["split"] == "test").to_numpy()
    adata.obsm["X_specformer"][test] = 1e3
    adata.obs.loc[test, "kind"] = "other"
    again = sf.train.fit_head(adata, "kind")
    assert all(torch.equal(a, b) for a, b in zip(head.state_dict().values(), again.state_dict().values(), strict=True))


def is_training(adata):
    from specformer.train._head_data import read_sides

    return read_sides(adata, "patient", np.ones(adata.n_obs, bool))[0] == "train"


def test_patients_are_on_one_side_and_nothing_is_written(cohort):
    before = cohort.copy()
    is_train = is_training(cohort)
    assert 0.1 < 1 - is_train.mean() < 0.2
    assert (cohort.obs.assign(train=is_train).groupby("patient")["train"].nunique() == 1).all()
    sf.train.fit_head(cohort, "kind")
    pd.testing.assert_frame_equal(cohort.obs, before.obs)
    assert list(cohort.uns) == list(before.uns)
    cohort.obs["split"] = np.where(np.arange(N) % 2, "train", "val")
    try:
        with pytest.raises(ValueError, match="Patients stand on both sides"):
            sf.train.fit_head(cohort, "kind")
    finally:
        del cohort.obs["split"]


def only(adata, **columns):
    adata = adata.copy()
    for name, value in columns.items():
        adata.obs[name.replace("_time", ".time")] = value
    return adata


@pytest.mark.parametrize(
    ("columns", "target", "options", "message"),
    [
        ({"OS": 0.0}, "OS", {}, "has an event of 'OS': all are censored"),
        ({"OS": 2.0}, "OS", {}, r"holds '2.0'; expected 1 \(event seen\), 0"),
        ({"OS_time": 0.0}, "OS", {}, "No usable sample is on the training side"),
        ({"kind": "a"}, "kind", {}, r"Found 1 class\(es\)"),
        ({}, "kind", {"min_samples": 1000}, r"Found 0 class\(es\) with 1000 or more"),
        ({}, "kind", {"strata": "patient"}, "`strata` is for survival"),
        ({}, "OS", {"batch_size": 8}, "the risk set of an event is the whole cohort"),
        ({"split": "train"}, "kind", {"hidden": (4,)}, "by which training is stopped"),
        ({}, "Y", {"task": "classification"}, "that is a regression"),
    ],
)
def test_what_cannot_be_learnt_is_said(cohort, columns, target, options, message):
    with pytest.raises(ValueError, match=message):
        sf.train.fit_head(only(cohort, **columns), target, **options)


def test_absent_fields_are_named(cohort):
    with pytest.raises(KeyError, match=r"Did not find `adata.obs\['type'\]`"):
        sf.train.fit_head(cohort, "type")
    with pytest.raises(KeyError, match=r"Run `sf.tl.specformer_embed"):
        sf.train.fit_head(cohort, "kind", aggregator="mean")
    bare = cohort.copy()
    bare.uns.clear()
    with pytest.raises(ValueError, match=r"no note in `adata.uns`"):
        sf.train.fit_head(bare, "kind")
    bare.obsm["X_pca"] = bare.obsm["X_specformer"]
    assert sf.train.fit_head(bare, "kind", use_rep="X_pca").about["checkpoint"] == {}


def test_layers_and_pairs_of_columns_are_targets(cohort):
    adata = ad.AnnData(np.zeros((N, 2), np.float32), obs=cohort.obs, var=pd.DataFrame(index=["TP53", "MYC"]))
    adata.obsm["X_pca"] = cohort.obsm["X_specformer"]
    adata.layers["log"] = cohort.obsm["Y"].to_numpy()
    assert sf.train.fit_head(adata, "log", use_rep="X_pca").labels == ["TP53", "MYC"]
    adata.obs = adata.obs.rename(columns={"OS": "died", "OS.time": "days"})
    head = sf.train.fit_head(adata, ("died", "days"), use_rep="X_pca")
    assert (head.task, head.labels) == ("survival", ["died"])


def test_confidence_is_calibrated_on_what_folds_say_too(cohort):
    """The temperature is the likeliest one over the validation patients and the folds' held-out patients."""
    from specformer.train._head_linear import Problem, fit_linear_map

    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((120, 4)))
    label = (x[:, 0] + torch.from_numpy(rng.standard_normal(120)) > 0).long()
    fold = np.arange(120) % 5
    fit = fit_linear_map(Problem("classification", x, {"label": label}, 2), fold, 0.05)
    for k in range(5):
        inside = torch.from_numpy(fold != k)
        without = fit_linear_map(
            Problem("classification", x[inside], {"label": label[inside]}, 2), fold[fold != k], 0.05
        )
        torch.testing.assert_close(fit.held_out[~inside], without.map(x[~inside]), atol=2e-3, rtol=1e-3)
