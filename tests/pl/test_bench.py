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
