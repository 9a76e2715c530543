from __future__ import annotations

import numpy as np
import pytest
from sksurv.compare import compare_survival
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

import specformer as sf


@pytest.fixture
def followed(samples):
    """Risk and time go against one another, within noise; a third is censored."""
    rng = np.random.default_rng(1)
    samples.obs["OS_risk"] = rng.normal(size=30).astype(np.float32)
    samples.obs["OS.time"] = 365.25 * 5 * rng.exponential(np.exp(-samples.obs["OS_risk"]))
    samples.obs["OS"] = (np.arange(30) % 3 > 0).astype(float)
    return samples


def high(adata):
    return (adata.obs["OS_risk"] > adata.obs["OS_risk"].median()).to_numpy()


def at_risk(ax) -> dict[str, list[int]]:
    """The table below the axis: the name of a group, and its counts from left to right."""
    lines = {}
    for text in ax.texts:
        lines.setdefault(text.xyann[1], []).append(text)
    return {line[0].get_text(): [int(text.get_text()) for text in line[1:]] for line in list(lines.values())[1:]}


def test_curves_of_the_halves(followed):
    ax = sf.pl.survival(followed)
    own = high(followed)
    time, event = followed.obs["OS.time"].to_numpy(), followed.obs["OS"].to_numpy(bool)
    x, y = kaplan_meier_estimator(event[own], time[own])
    curve = ax.lines[2]
    assert curve.get_label() == "high risk"
    np.testing.assert_allclose(curve.get_xdata(), [0, *(x / 365.25)])
    np.testing.assert_allclose(curve.get_ydata(), [1, *y])
    assert curve.get_drawstyle() == "steps-post"
    # A tick for each censored sample, on the curve.
    np.testing.assert_allclose(ax.lines[3].get_xdata(), np.sort(time[own & ~event]) / 365.25)
    assert set(ax.lines[3].get_ydata()) <= {1.0, *y}
    p_value = compare_survival(Surv.from_arrays(event, time), own)[1]
    assert ax.get_title(loc="left") == f"n = 30, 20 events, log-rank p = {p_value:.2g}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (years)", "without event (OS)")


def test_the_table_counts_who_is_still_at_risk(followed):
    ax = sf.pl.survival(followed, unit="months")
    ticks = ax.get_xticks()
    months = followed.obs["OS.time"].to_numpy() / 365.25 * 12
    expected = {
        name: [int((months[own] >= tick).sum()) for tick in ticks]
        for name, own in (("low", ~high(followed)), ("high", high(followed)))
    }
    assert at_risk(ax) == expected
    assert expected["low"][0] == 15
    assert ax.get_xlabel() == "time (months)"


def test_groups_within_strata_hold_the_types_alike(followed):
    # The risk tells nothing but the type.
    followed.obs["OS_risk"] = followed.obs["cancer_type"].cat.codes.astype(float) + np.linspace(0, 0.1, 30)
    ax = sf.pl.survival(followed, strata="cancer_type")
    is_late = followed.obs.groupby("cancer_type", observed=True)["OS_risk"].rank() > 5
    n = int((followed.obs["OS.time"][is_late] >= 0).sum())
    assert at_risk(ax)["high"][0] == n == 15
    event, time = (followed.obs[name].to_numpy()[is_late] for name in ("OS", "OS.time"))
    np.testing.assert_allclose(ax.lines[2].get_ydata()[1:], kaplan_meier_estimator(event.astype(bool), time)[1])
    assert ax.get_title(loc="left").endswith("cut within cancer type")


def test_incomplete_samples_are_left_out(followed):
    followed.obs.loc["s3", "OS"] = np.nan
    followed.obs.loc["s4", "OS.time"] = 0
    followed.obs.loc["s5", "OS_risk"] = np.nan
    assert sf.pl.survival(followed).get_title(loc="left").startswith("n = 27, ")


def test_more_groups_and_own_columns(followed):
    followed.obs = followed.obs.rename(columns={"OS_risk": "r", "OS": "e", "OS.time": "t"})
    ax = sf.pl.survival(followed, "death", risk="r", event="e", time="t", n_groups=5)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1 (low)", "2", "3", "4", "5 (high)"]
    assert [line[0] for line in at_risk(ax).values()] == [6] * 5
    assert ax.get_ylabel() == "without event (death)"


def test_a_group_without_an_event_stays_at_one(followed):
    followed.obs.loc[~high(followed), "OS"] = 0
    ax = sf.pl.survival(followed)
    assert set(ax.lines[0].get_ydata()) == {1.0}


def test_what_is_not_there(followed):
    with pytest.raises(KeyError, match=r"PFI_risk.*sf\.tl\.predict_survival"):
        sf.pl.survival(followed, "PFI")
    with pytest.raises(ValueError, match=r"Found 3 samples .* for 2 groups"):
        sf.pl.survival(followed[:3].copy())
    with pytest.raises(ValueError, match="'weeks'"):
        sf.pl.survival(followed, unit="weeks")


def test_picture(followed, small_axes, looks_like):
    looks_like(sf.pl.survival(followed, ax=small_axes), "survival")
