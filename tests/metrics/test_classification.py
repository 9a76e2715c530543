from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from specformer import metrics


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    y_true = rng.choice(["a", "b", "c", "d"], 200, p=[0.5, 0.3, 0.15, 0.05])
    y_pred = np.where(rng.random(200) < 0.7, y_true, rng.choice(["a", "b", "c", "d"], 200))
    return y_true, y_pred


def test_figures_equal_scikit_learn(labels):
    y_true, y_pred = labels
    assert metrics.accuracy(y_true, y_pred) == pytest.approx(oracle.accuracy_score(y_true, y_pred))
    assert metrics.balanced_accuracy(y_true, y_pred) == pytest.approx(oracle.balanced_accuracy_score(y_true, y_pred))
    assert metrics.macro_f1(y_true, y_pred) == pytest.approx(oracle.f1_score(y_true, y_pred, average="macro"))
    assert metrics.weighted_f1(y_true, y_pred) == pytest.approx(oracle.f1_score(y_true, y_pred, average="weighted"))
    assert metrics.matthews(y_true, y_pred) == pytest.approx(oracle.matthews_corrcoef(y_true, y_pred))


def test_a_class_that_only_the_prediction_knows_does_not_dilute_the_macro_average():
    assert metrics.balanced_accuracy(["a", "b"], ["a", "z"]) == 0.5
    assert metrics.macro_f1(["a", "b"], ["a", "b"]) == 1.0


def test_probabilities_equal_scikit_learn():
    rng = np.random.default_rng(1)
    classes = np.array(["a", "b", "c", "d", "e"])
    y_true = rng.choice(classes, 300)
    proba = rng.dirichlet(np.ones(5), 300) + 0.3 * (y_true[:, None] == classes)
    proba /= proba.sum(axis=1, keepdims=True)
    assert metrics.top_k_accuracy(y_true, proba, classes) == pytest.approx(
        oracle.top_k_accuracy_score(y_true, proba, k=3, labels=classes)
    )
    assert metrics.macro_auc(y_true, proba, classes) == pytest.approx(
        oracle.roc_auc_score(y_true, proba, multi_class="ovr", average="macro", labels=classes)
    )


def test_a_label_without_a_column_is_never_hit():
    assert metrics.top_k_accuracy(["z", "a"], np.array([[0.6, 0.4], [0.6, 0.4]]), ["a", "b"], k=2) == 0.5


def test_table_has_every_figure_and_needs_the_names_of_the_columns(labels):
    y_true, y_pred = labels
    classes = np.unique(y_true)
    proba = np.where(y_pred[:, None] == classes, 0.97, 0.01)
    table = metrics.classification_table(y_true, y_pred, proba=proba, classes=classes, n_boot=30).set_index("metric")
    assert len(table) == 8
    assert table.loc["accuracy", "value"] == metrics.accuracy(y_true, y_pred)
    assert ((table.low <= table.value) & (table.value <= table.high)).drop("expected_calibration_error").all()
    with pytest.raises(ValueError, match="classes"):
        metrics.classification_table(y_true, y_pred, proba=proba)
