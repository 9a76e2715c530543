from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from specformer import bench
from specformer.bench import _readouts, _run


def noise(adata):
    return np.random.default_rng(adata.n_obs).standard_normal((adata.n_obs, 12))


EMBEDDERS = {"rank-PPCA + WCCN": bench.LINEAR_REFERENCES["rank-PPCA + WCCN"], "noise": noise}


def test_every_axis_answers_with_intervals_and_the_same_call_gives_the_same_table(cohorts):
    table = bench.run(EMBEDDERS, cohorts, n_boot=20)
    assert list(dict.fromkeys(table["axis"])) == list(bench.AXES)
    assert table["value"].notna().all()
    assert (table["low"] <= table["high"]).all()
    assert (table["n"] > 5).all()
    counts = table.groupby(["axis", "condition", "metric"])["representation"].nunique()
    assert (counts == 2).all()
    bounded = table[~table["metric"].isin(["effective rank", "cosine"])]
    assert bounded["value"].between(-1, 1).all()
    pd.testing.assert_frame_equal(table, bench.run(EMBEDDERS, cohorts, n_boot=20))


def test_differences_are_paired_and_the_reference_has_none(cohorts):
    table = bench.run(EMBEDDERS, cohorts, axes=["tumour type"], reference="noise", n_boot=50)
    accuracy = table[table["metric"] == "accuracy"].set_index("representation")
    assert accuracy.loc["noise", "reference"] == ""
    assert np.isnan(accuracy.loc["noise", "difference"])
    ours = accuracy.loc["rank-PPCA + WCCN"]
    assert ours["reference"] == "noise"
    assert ours["difference"] == pytest.approx(ours["value"] - accuracy.loc["noise", "value"])
    assert ours["difference_low"] > 0.2


def test_keys_of_obsm_are_left_out_where_samples_are_changed(cohorts):
    table = bench.run({"noise": noise, "stored": "truth"}, cohorts, axes=["tumour type", "depth"], n_boot=10)
    stored = table[table["representation"] == "stored"]
    assert set(stored["axis"]) == {"tumour type"}


def test_a_slow_representation_can_be_asked_less(cohorts):
    axes = ["tumour type", "few labels"]
    table = bench.run(EMBEDDERS, cohorts, axes=axes, only={"noise": ["few labels"]}, n_boot=5)
    assert set(table[table["representation"] == "noise"]["axis"]) == {"few labels"}
    with pytest.raises(ValueError, match="only"):
        bench.run(EMBEDDERS, cohorts, axes=axes, only={"nobody": ["few labels"]})


def test_axes_without_their_cohort_are_left_out_and_unknown_names_refused(cohorts):
    few = bench.Cohorts({"panel": cohorts["panel"]})
    assert set(bench.run({"noise": noise}, few, axes=["few labels", "pathways"], n_boot=10)["axis"]) == {"few labels"}
    with pytest.raises(ValueError, match="tumour type"):
        bench.run({"noise": noise}, cohorts, axes=["tumor type"])
    with pytest.raises(ValueError, match="noise"):
        bench.run({"noise": noise}, cohorts, reference="PCA")


def test_an_embedder_that_loses_samples_is_refused(cohorts):
    with pytest.raises(ValueError, match="shape"):
        bench.run({"short": lambda adata: np.ones((3, 2))}, cohorts, axes=["tumour type"])


def digest(*things) -> str:
    text = hashlib.sha256()
    for thing in things:
        text.update(
            np.ascontiguousarray(thing).tobytes()
            if np.asarray(thing).dtype.kind in "fbiu"
            else repr(list(thing)).encode()
        )
    return text.hexdigest()


class Recorder:
    """Fits rank-PPCA, and writes down all that it was shown."""

    def __init__(self):
        self.seen = []

    def fit(self, train, pairs):
        for adata in (train, *(member for pair in pairs for member in pair)):
            self.seen.append(digest(adata.X, adata.var_names, adata.obs_names, adata.obs.columns))
        return bench.LINEAR_REFERENCES["rank-PPCA + WCCN"].fit(train, pairs)


def scrambled(cohorts):
    """Held-out samples with other values, labels and survival; names, patients and their sides stay."""
    rng = np.random.default_rng(5)
    adatas = {}
    for name in cohorts.adatas:
        adata = cohorts[name].copy()
        held = np.flatnonzero(~cohorts.part(name, "train"))
        shuffled = rng.permutation(held)
        adata.X[held] = rng.permuted(np.asarray(adata.X[shuffled]), axis=1)
        for column in adata.obs.columns.difference(["patient", "split"]):
            values = adata.obs[column].to_numpy(copy=True)
            values[held] = values[shuffled]
            adata.obs[column] = values
        adatas[name] = adata
    return bench.Cohorts(adatas, cohorts.gene_sets)


def test_nothing_that_is_fitted_changes_when_held_out_samples_are_scrambled(cohorts, monkeypatch):
    fitted = []

    def recording(readout):
        def record(X, labels, *more, **named):
            asked = readout.__name__ == "nearest_centroid"
            fitted.append((X, labels, *(() if asked else more), *named.values()))
            return readout(X, labels, *more, **named)

        return record

    modules = {
        "logistic": ("_tasks", "_units", "_tissues"),
        "cox": ("_survival",),
        "ridge": ("_pathways",),
        "nearest_centroid": ("_few_labels", "_tissues"),
    }
    for name, places in modules.items():
        for place in places:
            module = getattr(bench, place)
            monkeypatch.setattr(module, name, recording(getattr(module, name)))

    def everything_fitted(given):
        fitted.clear()
        recorder = Recorder()
        bench.run({"recorder": recorder}, given, n_boot=2)
        return recorder.seen, list(fitted)

    before = everything_fitted(cohorts)
    changed = scrambled(cohorts)
    assert digest(changed["panel"].X) != digest(cohorts["panel"].X)
    after = everything_fitted(changed)
    assert len(before[0]) >= 8
    assert len(before[1]) >= 15
    assert before[0] == after[0]
    for first, second in zip(before[1], after[1], strict=True):
        for a, b in zip(first, second, strict=True):
            if a.dtype.kind == "f":
                # The same sums, in whatever order the linear algebra took them for a matrix with other rows beside.
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
            else:
                np.testing.assert_array_equal(a, b)


def test_readouts_of_many_features_equal_the_plain_solution():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((40, 90)), np.repeat(["a", "b"], 20)
    X[:20] += 0.2
    Z = rng.standard_normal((30, 90)) + 0.1
    scaler = StandardScaler().fit(X)
    plain = LogisticRegression(C=1.0, max_iter=2000).fit(scaler.transform(X), labels)
    np.testing.assert_array_equal(_readouts.logistic(X, labels)(Z), plain.predict(scaler.transform(Z)))


def test_an_axis_is_named_once():
    assert set(_run.CHANGE_SAMPLES) <= set(bench.AXES)
