from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer.pl._wilson import wilson


def test_share_of_right_predictions_in_each_bin(predicted):
    ax = sf.pl.calibration(predicted, n_bins=10)
    confidence = predicted.obsm["cancer_type_proba"].max(axis=1).to_numpy()
    points = ax.containers[1].lines[0].get_xydata()
    # All wrong ones are in the bin from 0.4 to 0.5.
    np.testing.assert_allclose(points[0], [0.45, 0], atol=1e-6)
    np.testing.assert_allclose(points[1:, 1], 1)
    low, high = confidence >= 0.8, confidence < 0.9
    assert points[-2, 0] == pytest.approx(confidence[low & high].mean(), abs=1e-6)
    counts = np.histogram(confidence, np.linspace(0, 1, 11))[0]
    heights = np.array([patch.get_height() for patch in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max())
    assert [int(text.get_text()) for text in ax.texts] == counts[counts > 0].tolist()


def test_the_error_is_that_of_the_metric(predicted):
    table = predicted.obsm["cancer_type_proba"]
    error = sf.metrics.expected_calibration_error(
        predicted.obs["cancer_type"].to_numpy(str), table.to_numpy(), list(table), n_bins=5
    )
    assert (
        sf.pl.calibration(predicted, n_bins=5).get_title(loc="left")
        == f"expected calibration error {error:.2g}, n = 30"
    )


def test_samples_without_a_label_are_left_out(predicted):
    predicted.obs["known"] = predicted.obs["cancer_type"].astype(object).where(np.arange(30) < 12)
    assert sf.pl.calibration(predicted, "known").get_title(loc="left").endswith("n = 12")
    predicted.obs["known"] = None
    with pytest.raises(ValueError, match="missing for all 30"):
        sf.pl.calibration(predicted, "known")


def test_what_is_not_there(predicted):
    with pytest.raises(KeyError, match="predict_cancer_type"):
        sf.pl.calibration(predicted, proba="other_proba")
    predicted.obsm["other_proba"] = predicted.obsm["cancer_type_proba"].to_numpy()
    with pytest.raises(TypeError, match="expected a DataFrame"):
        sf.pl.calibration(predicted, proba="other_proba")


def test_wilson_interval_is_that_of_scipy():
    from scipy.stats import binomtest

    for hits, n in ((0, 5), (3, 7), (40, 40)):
        expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose(np.ravel(wilson(np.array([hits]), np.array([n]))), expected, atol=1e-6)


def test_picture(predicted, small_axes, looks_like):
    looks_like(sf.pl.calibration(predicted, ax=small_axes), "calibration")


def test_more_labels_than_the_head_knows(predicted):
    predicted.obs["cancer_type"] = pd.Categorical(["CHOL"] * 30)
    points = sf.pl.calibration(predicted).containers[1].lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 1], 0)
