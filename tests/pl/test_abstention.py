from __future__ import annotations

import numpy as np

import specformer as sf


def test_the_surest_are_answered_first(predicted):
    ax = sf.pl.abstention(predicted)
    x, y = ax.lines[0].get_data()
    # 24 right ones of different confidence, then six wrong ones of the same.
    np.testing.assert_allclose(x, [*(100 * np.arange(1, 25) / 30), 100])
    np.testing.assert_allclose(y, [*[100] * 24, 80])
    assert ax.lines[1].get_xydata().tolist() == [[80, 100]]
    assert ax.get_legend().get_texts()[0].get_text() == "confidence ≥ 0.5: 80 % answered, 100 % of them right"


def test_no_mark_where_nobody_is_sure_enough(predicted):
    assert sf.pl.abstention(predicted, min_confidence=0.999).get_legend() is None
    ax = sf.pl.abstention(predicted, min_confidence=None)
    assert len(ax.lines) == 1
    assert ax.get_xlabel().startswith("samples answered (% of 30)")


def test_picture(predicted, small_axes, looks_like):
    looks_like(sf.pl.abstention(predicted, ax=small_axes), "abstention")
