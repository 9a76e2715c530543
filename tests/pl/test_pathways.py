from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import specformer as sf


@pytest.fixture
def active(samples):
    """Five pathways; `a` is high in UVM, `b` in ACC and STAD alike, `d` differs by a hair."""
    kind = samples.obs["cancer_type"].cat.codes.to_numpy()
    table = {
        "a": np.where(kind == 2, 4.0, -1.0),
        "b": np.where(kind == 2, -1.0, 3.0),
        "c": np.full(30, 9.0),
        "d": 0.01 * kind,
        "A_very_long_name__of_a_pathway_that_goes_on_and_on_and_never_ends_well": np.where(kind == 0, 1.0, 0.0),
    }
    samples.obsm["pathway_activity"] = pd.DataFrame(table, index=samples.obs_names).astype(np.float32)
    return samples


def cells(ax) -> pd.DataFrame:
    return pd.DataFrame(
        np.asarray(ax.images[0].get_array()),
        index=[label.get_text() for label in ax.get_yticklabels()],
        columns=[label.get_text() for label in ax.get_xticklabels()],
    )


def test_pathways_that_differ_most(active):
    found = cells(sf.pl.pathways(active, n_pathways=3))
    assert found.loc["a"].to_dict() == {"UVM": 4, "ACC": -1, "STAD": -1}
    assert found.loc["b", "STAD"] == 3
    assert set(found.index) == {"a", "b", "A very long name of a pathway that go … never ends well"}


def test_groups_that_are_alike_stand_side_by_side(active):
    order = list(cells(sf.pl.pathways(active)).columns)
    assert abs(order.index("ACC") - order.index("STAD")) == 1
    assert len(sf.pl.pathways(active).child_axes[0].lines) == 2  # two joins of three groups


def test_zero_is_white_and_colours_are_symmetric(active):
    ax = sf.pl.pathways(active)
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert "SD of the training cohort" in ax.images[0].colorbar.ax.get_ylabel()


def test_computed_scores_are_standardised_over_groups(active):
    active.obsm["pathway_score"] = active.obsm["pathway_activity"] * 0.01 + 7
    ax = sf.pl.pathways(active, obsm="pathway_score", pathways=["a"])
    np.testing.assert_allclose(sorted(cells(ax).loc["a"]), [-np.sqrt(0.5), -np.sqrt(0.5), np.sqrt(2)], rtol=1e-4)
    assert "SD over groups" in ax.images[0].colorbar.ax.get_ylabel()


def test_asked_for(active):
    found = cells(sf.pl.pathways(active, pathways=["d", "c"], groups=["UVM", "ACC"]))
    assert set(found.index) == {"c", "d"}
    assert set(found.columns) == {"UVM", "ACC"}
    with pytest.raises(ValueError, match="no pathway 'z'"):
        sf.pl.pathways(active, pathways=["z"])


def test_what_is_not_there(samples):
    with pytest.raises(KeyError, match=r"sf\.tl\.predict_pathways"):
        sf.pl.pathways(samples)
    samples.obsm["pathway_activity"] = np.zeros((30, 2))
    with pytest.raises(TypeError, match="DataFrame"):
        sf.pl.pathways(samples)


def test_picture(active, small_axes, looks_like):
    small_axes.set_position((0.1, 0.1, 0.7, 0.7))
    looks_like(sf.pl.pathways(active, ax=small_axes), "pathways")
