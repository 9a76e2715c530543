from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from specformer.pl._groups import SAFE, choose_groups, group_colors, palette, read_groups


def test_scanpys_colours_are_taken_for_the_right_groups(samples):
    samples.uns["cancer_type_colors"] = ["#111111", "#222222", "#333333"]
    found = group_colors(samples[samples.obs["cancer_type"] != "ACC"].copy(), "cancer_type", ["UVM", "STAD"])
    # AnnData leaves the colours of the remaining categories.
    assert (found["STAD"], found["UVM"]) == ("#222222", "#333333")
    samples.uns["cancer_type_colors"] = ["#111111"]  # of another time
    assert group_colors(samples, "cancer_type", ["UVM", "STAD"]) == {"UVM": SAFE[0], "STAD": SAFE[1]}


def test_eight_colours_are_told_apart_without_red_and_green():
    # Viénot, Brettel & Mollon (1999): what remains of linear RGB for deuteranopes.
    deuteranope = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    linear = np.array([to_rgb(color) for color in palette(8)]) ** 2.2
    seen = (np.clip(linear @ deuteranope.T, 0, 1)) ** (1 / 2.2)
    gaps = np.linalg.norm(seen[:, None] - seen[None], axis=2)[np.triu_indices(8, 1)]
    assert gaps.min() > 0.1


@pytest.mark.parametrize("n", [8, 9, 20, 21, 28, 29, 102])
def test_as_many_different_colours_as_groups(n):
    assert len(set(palette(n))) == n


def test_groups_without_samples_are_left_out(samples):
    only = samples[samples.obs["cancer_type"] != "UVM"].copy()
    only.obs["cancer_type"] = pd.Categorical(only.obs["cancer_type"].astype(str), categories=["STAD", "UVM", "ACC"])
    groups = read_groups(only, "cancer_type")
    assert choose_groups(groups, None) == ["STAD", "ACC"]
    assert choose_groups(groups, ["ACC"]) == ["ACC"]
    with pytest.raises(ValueError, match=r"No sample is in group 'UVM'\. There are: STAD, ACC"):
        choose_groups(groups, ["UVM"])


def test_columns_that_are_no_categories(samples):
    samples.obs["ward"] = np.where(np.arange(30) < 3, None, np.arange(30) % 2)
    groups = read_groups(samples, "ward")
    assert list(groups.categories) == ["0", "1"]
    assert (groups.codes < 0).sum() == 3
    samples.obs["nothing"] = pd.Series(np.nan, samples.obs_names, dtype=object)
    with pytest.raises(ValueError, match="missing for all 30"):
        read_groups(samples, "nothing")
    with pytest.raises(KeyError, match=r"obs\['wing'\]"):
        read_groups(samples, "wing")
