from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest

from specformer import pl

mpl.use("agg")


@pytest.fixture
def results():
    rows = [
        {"axis": axis, "condition": condition, "metric": metric, "representation": name, "value": v, "low": v - 0.1, "high": v + 0.2}
        for axis, condition, metric in [
            ("depth", "1M reads", "accuracy"),
            ("depth", "20k reads", "accuracy"),
            ("geometry", "held-out", "effective rank"),
            ("survival", "OS", "C within type"),
        ]
        for name, v in (("one", 0.5), ("two", 0.6))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_panel_for_each_axis_and_a_line_for_each_figure(results):
    figure = pl.bench(results)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["depth", "survival"]
    depth = figure.axes[0]
    assert [label.get_text() for label in depth.get_yticklabels()] == ["1M reads: accuracy", "20k reads: accuracy"]
    points = sorted(float(line.get_xdata()[0]) for line in depth.lines)
    assert points == [0.5, 0.5, 0.6, 0.6]
    (low, _), (high, _) = depth.collections[0].get_segments()[0]
    assert (low, high) == pytest.approx((0.4, 0.7))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "two"]


def test_other_axes_and_metrics_can_be_asked_for(results):
    figure = pl.bench(results, axes=["geometry"], metrics=["effective rank"])
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["geometry"]
    with pytest.raises(ValueError, match="Nothing to draw"):
        pl.bench(results, axes=["purity"])


@pytest.fixture
def against_one(results):
    results["reference"] = "one"
    difference = {"one": 0.0, "two": 0.1}
    results["difference"] = results["representation"].map(difference)
    return results.assign(difference_low=results["difference"] - 0.2, difference_high=results["difference"] + 0.05)


def test_differences_to_the_reference_around_zero(against_one):
    figure = pl.comparison(against_one)
    depth, survival = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["two"]
    assert [float(line.get_xdata()[0]) for line in depth.lines[:2]] == pytest.approx([0.1, 0.1])
    (low, _), (high, _) = survival.collections[0].get_segments()[0]
    assert (low, high) == pytest.approx((-0.1, 0.15))
    assert survival.lines[-1].get_xdata() == [0, 0]
    assert survival.get_xlabel() == "difference to one"


def test_a_benchmark_without_reference_has_no_differences(against_one):
    with pytest.raises(ValueError, match="no column 'reference'"):
        pl.comparison(against_one.drop(columns="reference"))
    against_one["difference"] = float("nan")
    with pytest.raises(ValueError, match="no figure has a difference"):
        pl.comparison(against_one)


def test_more_representations_than_safe_colours_are_still_different(results):
    many = pd.concat([results.assign(representation=results["representation"] + str(k)) for k in range(6)])
    figure = pl.bench(many, save=None)
    colors = {line.get_color() for line in figure.axes[0].lines}
    assert len(colors) == 12
