from __future__ import annotations

import os
import shutil
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

PICTURES = Path(__file__).parent / "pictures"
TYPES = ("ACC", "STAD", "UVM")


@pytest.fixture(autouse=True)
def _without_a_screen():
    import matplotlib.pyplot as plt

    mpl.use("agg")
    with mpl.rc_context(rc=mpl.rcParamsDefault | {"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture
def small_axes():
    """Axes of a small figure without a layout engine: the same pixels whatever the fonts are."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(3, 2.4), dpi=60)
    return figure.add_axes((0.1, 0.1, 0.75, 0.8))


@pytest.fixture
def looks_like(tmp_path):
    """Compare the figure of some axes with a stored picture, all text left out (fonts differ between versions).

    `NEW_PICTURES=1 pytest tests/pl` stores what is drawn now; look at it before it is committed.
    """
    from matplotlib.legend import Legend
    from matplotlib.testing.compare import compare_images
    from matplotlib.text import Text

    def compare(ax, name: str, tolerance: float = 6.0) -> None:
        # Where a legend stands depends on the width of its text.
        for artist in [*ax.figure.findobj(Text), *ax.figure.findobj(Legend)]:
            artist.set_visible(False)
        drawn, expected = tmp_path / f"{name}.png", tmp_path / f"{name}-expected.png"
        ax.figure.savefig(drawn, dpi=60)
        if os.environ.get("NEW_PICTURES"):
            ax.figure.savefig(
                PICTURES / f"{name}.png", dpi=60, pil_kwargs={"optimize": True}, metadata={"Software": None}
            )
        # What differs is drawn beside the expected picture, which belongs to the tree.
        shutil.copy(PICTURES / f"{name}.png", expected)
        assert compare_images(expected, drawn, tolerance) is None

    return compare


@pytest.fixture
def samples() -> ad.AnnData:
    """30 samples x 60 genes of three types, of which each expresses 20 genes of its own more."""
    rng = np.random.default_rng(0)
    kind = np.arange(30) % 3
    mean = np.full((30, 60), 20.0)
    for k in range(3):
        mean[kind == k, 20 * k : 20 * (k + 1)] *= 10
    obs = pd.DataFrame({"cancer_type": pd.Categorical.from_codes(kind, TYPES)}, index=[f"s{i}" for i in range(30)])
    var = pd.DataFrame(index=[f"G{i:02d}" for i in range(60)])
    return ad.AnnData(rng.poisson(mean).astype(np.float32), obs=obs, var=var)


@pytest.fixture
def predicted(samples) -> ad.AnnData:
    """Probabilities of three types: 24 of 30 right, the wrong ones less sure."""
    true = samples.obs["cancer_type"].cat.codes.to_numpy()
    wrong = np.arange(30) % 5 == 4
    confidence = np.where(wrong, 0.45, np.linspace(0.6, 0.99, 30))
    proba = np.repeat((1 - confidence[:, None]) / 2, 3, axis=1)
    proba[np.arange(30), np.where(wrong, (true + 1) % 3, true)] = confidence
    samples.obsm["cancer_type_proba"] = pd.DataFrame(proba.astype(np.float32), samples.obs_names, list(TYPES))
    best = np.where(confidence >= 0.5, np.array(TYPES)[proba.argmax(axis=1)], "uncertain")
    samples.obs["cancer_type_pred"] = pd.Categorical(best, categories=[*TYPES, "uncertain"])
    return samples
