from __future__ import annotations

import inspect

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from specformer import pl
from specformer.pl import _canvas

WHOLE_FIGURES = ("bench", "comparison")


@pytest.mark.parametrize("name", pl.__all__)
def test_every_picture_takes_axes_and_a_file(name):
    parameters = inspect.signature(getattr(pl, name)).parameters
    assert parameters["save"].default is None
    assert ("ax" in parameters) == (name not in WHOLE_FIGURES)
    returned = inspect.signature(getattr(pl, name)).return_annotation
    assert returned == ("Figure" if name in WHOLE_FIGURES else "Axes")


def test_given_axes_are_drawn_in_and_files_written(tmp_path):
    card = pd.DataFrame([{"condition": "1M reads", "metric": "cosine", "value": 0.9, "low": 0.8, "high": 1.0}])
    _, (left, right) = plt.subplots(1, 2)
    assert pl.robustness(card, ax=right, save=tmp_path / "card.svg") is right
    assert not left.lines
    assert (tmp_path / "card.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert right.figure is left.figure
    before = plt.get_fignums()
    assert _canvas.axes_of(None, 2, 3).figure.get_size_inches().tolist() == [2, 3]
    assert len(plt.get_fignums()) == len(before) + 1
