"""The aggregate expression profiles that lie beside the default checkpoint."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import NamedTuple

import pandas as pd

from specformer.genes import DEFAULT_CHECKPOINT

PROFILES = ("checkpoints", DEFAULT_CHECKPOINT, "profiles.csv.gz")
_DISPERSION = "dispersion"


class Profiles(NamedTuple):
    """Mean expression by group, and the spread around it."""

    means: pd.DataFrame
    """Genes (approved symbols) x groups: mean share of expression per million."""

    dispersion: pd.Series
    """Per gene: squared coefficient of variation between the samples of one group, median over the groups."""


def read_profiles() -> Profiles:
    """The profiles shipped with the default checkpoint."""
    source = files("specformer").joinpath(*PROFILES)
    if not source.is_file():
        msg = f"Did not find {'/'.join(PROFILES)} in the installed package. Run `scripts/make_profiles.py` to make it."
        raise FileNotFoundError(msg)
    with as_file(source) as path:
        table = pd.read_csv(path, index_col="symbol", keep_default_na=False, dtype={"symbol": str})
    return Profiles(means=table.drop(columns=_DISPERSION), dispersion=table[_DISPERSION])
