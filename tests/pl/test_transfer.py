from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


@pytest.fixture
def guessed(samples):
    """Six tissues, and a prediction that is right up to shift, scale and unit."""
    samples.obs["tissue"] = [f"t{i % 6}" for i in range(30)]
    samples.X *= np.random.default_rng(0).uniform(1, 5, (6, 60))[np.arange(30) % 6].astype(np.float32)
    X = 1e6 * samples.X / samples.X.sum(axis=1, keepdims=True)
    samples.layers["predicted"] = (3 + 0.5 * np.log2(X + 1)).astype(np.float32)
    return samples


def arrows(ax):
    quiver = next(c for c in ax.collections if type(c).__name__ == "Quiver")
    return np.stack([quiver.U, quiver.V], axis=1)


def test_a_perfect_prediction_has_no_arrows(guessed):
    ax = sf.pl.transfer(guessed, "tissue")
    assert ax.get_title(loc="left") == "Procrustes disparity 0.000 (6 groups, 60 genes)"
    assert np.abs(arrows(ax)).max() < 1e-3
    assert sorted(text.get_text() for text in ax.texts) == [f"t{i}" for i in range(6)]


def test_arrows_go_from_actual_to_predicted(guessed):
    swapped = guessed.copy()
    t0, t1 = (np.flatnonzero(swapped.obs["tissue"] == name) for name in ("t0", "t1"))
    swapped.layers["predicted"][t0] = guessed.layers["predicted"][t1]
    ax = sf.pl.transfer(swapped, "tissue")
    actual, predicted = (c.get_offsets() for c in ax.collections if c.get_label() in ("actual", "predicted"))
    np.testing.assert_allclose(actual + arrows(ax), predicted, atol=1e-9)
    far = np.linalg.norm(arrows(ax), axis=1)
    assert far[0] > 2 * far[2:].max()
    assert float(ax.get_title(loc="left").split()[2]) > 0.01


def test_only_the_shape_counts(guessed):
    """The disparity is that of the metric on standardised centroids."""
    noisy = guessed.layers["predicted"] + np.random.default_rng(0).normal(0, 0.3, guessed.shape)
    guessed.layers["predicted"] = noisy.astype(np.float32)
    X = np.log2(1e6 * guessed.X / guessed.X.sum(axis=1, keepdims=True) + 1)
    names = guessed.obs["tissue"].to_numpy(str)
    both = [sf.metrics.centroids(M, names)[1] for M in (X, guessed.layers["predicted"])]
    both = [(M - M.mean(axis=0)) / M.std(axis=0) for M in both]
    title = sf.pl.transfer(guessed, "tissue").get_title(loc="left")
    assert title.startswith(f"Procrustes disparity {sf.metrics.procrustes(*both):.3f} ")


def test_unpredicted_genes_are_left_out_and_units_do_not_matter(guessed):
    guessed.layers["predicted"][:, :7] = np.nan
    title = sf.pl.transfer(guessed, "tissue").get_title(loc="left")
    assert "53 genes" in title
    guessed.layers["cpm"] = 1e6 * guessed.X / guessed.X.sum(axis=1, keepdims=True)
    assert sf.pl.transfer(guessed, "tissue", layer="cpm").get_title(loc="left") == title


def test_too_little(guessed):
    with pytest.raises(ValueError, match="Found 2 groups"):
        sf.pl.transfer(guessed, "tissue", groups=["t0", "t1"])
    with pytest.raises(KeyError, match=r"sf\.tl\.predict_expression"):
        sf.pl.transfer(guessed, "tissue", predicted="nothing")


def test_names_keep_off_one_another(guessed):
    """Of 24 names on a grid that has room for them, none lies on another."""
    import matplotlib.pyplot as plt

    from specformer.pl._labels import label_points

    figure, ax = plt.subplots(figsize=(6, 6))
    points = np.array([(x, y) for x in range(4) for y in range(6)], float)
    points[1] = points[0] + 0.02
    ax.set_xlim(-1, 4)
    ax.set_ylim(-1, 6)
    label_points(ax, points, [f"name {i}" for i in range(24)])
    figure.draw_without_rendering()
    # The text alone: an annotation's window holds its line too.
    boxes = [type(text).__mro__[1].get_window_extent(text) for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_picture(guessed, small_axes, looks_like):
    t0, t1 = (np.flatnonzero(guessed.obs["tissue"] == name) for name in ("t0", "t1"))
    guessed.layers["predicted"][t0] = (guessed.layers["predicted"][t0] + guessed.layers["predicted"][t1]) / 2
    looks_like(sf.pl.transfer(guessed, "tissue", ax=small_axes), "transfer")
