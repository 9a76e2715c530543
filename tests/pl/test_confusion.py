from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import specformer as sf


def numbers(ax) -> dict[tuple[str, str], int]:
    """The counts written into the cells, by true and predicted label."""
    rows, columns = ([label.get_text() for label in of()] for of in (ax.get_yticklabels, ax.get_xticklabels))
    at = {(rows[round(t.get_position()[1])], columns[round(t.get_position()[0])]): int(t.get_text()) for t in ax.texts}
    return at


def test_counts_and_shares(predicted):
    ax = sf.pl.confusion(predicted)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["ACC", "STAD", "UVM", "uncertain"]
    assert numbers(ax) == {(t, p): 8 if t == p else 2 for t in ("ACC", "STAD", "UVM") for p in (t, "uncertain")}
    np.testing.assert_allclose(ax.images[0].get_array()[0], [80, 0, 0, 20])
    assert ax.get_title(loc="left") == "24 of 30 samples right"


def test_labels_of_one_side_only_and_missing_ones(predicted):
    predicted.obs["truth"] = pd.Categorical(["CHOL", "UVM", None] * 10)
    predicted.obs["guess"] = ["UVM", "UVM", "UVM"] * 10
    ax = sf.pl.confusion(predicted, "truth", pred="guess")
    assert numbers(ax) == {("CHOL", "UVM"): 10, ("UVM", "UVM"): 10}
    assert ax.get_title(loc="left") == "10 of 20 samples right"


def test_many_columns_go_without_numbers(predicted):
    predicted.obs["many"] = [f"t{i % 15}" for i in range(30)]
    predicted.obs["guess"] = [f"p{i}" for i in range(30)]
    ax = sf.pl.confusion(predicted, "many", pred="guess")
    assert not ax.texts
    assert len(ax.get_xticklabels()) == 45


def test_what_is_not_there(samples):
    with pytest.raises(KeyError, match="cancer_type_pred"):
        sf.pl.confusion(samples)


def test_picture(predicted, small_axes, looks_like):
    looks_like(sf.pl.confusion(predicted, ax=small_axes), "confusion")
