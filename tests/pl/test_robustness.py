from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import specformer as sf


@pytest.fixture
def card(samples):
    def embed(adata):
        return np.log1p(adata.to_df().reindex(columns=samples.var_names, fill_value=0).to_numpy()[:, :20])

    return sf.bench.robustness(samples, embed, n_boot=20)


def test_a_line_for_each_condition(card):
    ax = sf.pl.robustness(card)
    conditions = list(dict.fromkeys(card["condition"]))
    assert [label.get_text() for label in ax.get_yticklabels()] == conditions
    cosine = card[card["metric"] == "cosine"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), cosine["value"])
    segments = np.array(ax.collections[0].get_segments())
    np.testing.assert_allclose(segments[:, :, 0], cosine[["low", "high"]])
    assert np.round(ax.lines[0].get_ydata()).tolist() == list(range(len(conditions)))
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first condition is on top
    assert ax.get_xlabel().endswith("n = 30")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cosine", "same sample top-1"]


def test_what_is_no_card():
    with pytest.raises(KeyError, match=r"no column 'low', 'high'. Make it with `sf\.bench\.robustness"):
        sf.pl.robustness(pd.DataFrame({"condition": ["a"], "metric": ["b"], "value": [1.0]}))
