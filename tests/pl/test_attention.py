from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


@pytest.fixture
def attended(samples):
    weight = np.random.default_rng(0).dirichlet(np.full(4, 20.0), 30).astype(np.float32)
    samples.obsm["specformer_attention"] = weight
    samples.uns["specformer"] = {"window_starts": np.array([0, 32, 64, 86])}
    return samples


def test_mean_weight_and_quartiles_of_each_group(attended):
    ax = sf.pl.attention(attended)
    own = 100 * attended.obsm["specformer_attention"][(attended.obs["cancer_type"] == "STAD").to_numpy()]
    line = ax.lines[1]
    assert line.get_label() == "STAD (n = 10)"
    np.testing.assert_allclose(line.get_xdata(), [1, 33, 65, 87])
    np.testing.assert_allclose(line.get_ydata(), own.mean(axis=0), rtol=1e-5)
    band = ax.collections[1].get_paths()[0].vertices
    np.testing.assert_allclose(band[:, 1].min(), np.quantile(own, 0.25, axis=0).min(), rtol=1e-5)
    assert ax.lines[3].get_ydata() == [25, 25]
    assert ax.get_xlabel() == "first rank of the window"


def test_without_the_note_windows_are_counted(attended):
    del attended.uns["specformer"]
    ax = sf.pl.attention(attended, groups=["UVM", "ACC"])
    assert [line.get_label() for line in ax.lines[:2]] == ["UVM (n = 10)", "ACC (n = 10)"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3, 4])
    assert ax.get_xlabel() == "window, head of the order first"


def test_what_is_not_there(samples):
    with pytest.raises(KeyError, match="attention=True"):
        sf.pl.attention(samples)
