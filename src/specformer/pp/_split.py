"""Train, validation and test samples, by patient."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import require_key, require_rows
from specformer._interrupts import undivided
from specformer._keys import SPLIT, SPLIT_PARAMS
from specformer._logging import logger
from specformer.pp._modality import modality
from specformer.pp._target import target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

SIDES = ("train", "val", "test")
_NONE = "(none)"


def split(
    adata: AnnData | MuData,
    *,
    fractions: tuple[float, float, float] = (0.9, 0.05, 0.05),
    groupby: str | None = "patient",
    stratify: str | None = "cancer_type",
    salt: str = "specformer",
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Divide samples into train, val and test, all samples of a patient on one side.

    A patient's place between 0 and 1 is a hash of the patient's id: it depends neither on the order of the samples,
    nor on a random generator, nor on the machine.

    With `stratify=None` that place alone decides, so that a patient is on the same side *in every file*, whoever
    else is in it; class shares then vary as chance has it. With `stratify`, the patients of each class are lined up
    by that place and cut at the fractions: each class is divided within one patient of its share, and a patient
    near a cut may change sides when other patients join.

    Parameters
    ----------
    adata
        Samples x genes.
    fractions
        Shares of train, val and test; they sum to 1.
    groupby
        Column of `obs` that says whose samples these are; None if each sample is somebody else's.
    stratify
        Column of `obs` whose classes are to be divided alike; None for a split that holds across files. A patient
        with samples of several classes (a tumour and a normal) counts once, in the commonest.
    salt
        Another salt is another split.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Whether to return a copy instead of writing to `adata`.

    Returns
    -------
    None, or the copy. Sets:

    `.obs['split']` : category of `"train"`, `"val"`, `"test"`
        The side of each sample.
    `.uns['split']` : dict
        The parameters.

    Raises
    ------
    KeyError
        If a column is not in `obs`.
    ValueError
        If `fractions` are not three shares of 1, or samples have no patient.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(n_obs=40)
    >>> sf.pp.split(adata, groupby=None, stratify=None)
    >>> sorted(adata.obs["split"].cat.categories)
    ['test', 'train', 'val']
    """
    adata = modality(adata, mod)
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        msg = f"`fractions` is {tuple(fractions)!r}; expected the shares of train, val and test, which sum to 1."
        raise ValueError(msg)
    patient = _patients(adata, groupby)
    if stratify is None:
        side_of = split_by_hash(patient.unique(), fractions, salt=salt)
    else:
        run = "sf.pp.split(adata, stratify=None)"
        stratum = require_key(adata, "obs", stratify, run=run).astype(object).where(lambda s: s.notna(), _NONE)
        side_of = split_within_strata(patient.to_numpy(), stratum.astype(str).to_numpy(), fractions, salt=salt)
    side = pd.Categorical(patient.map(side_of), categories=SIDES)
    adata = target_of(adata, copy=copy)
    with undivided():
        adata.obs[SPLIT.name] = side
        adata.uns[SPLIT_PARAMS.name] = {
            "fractions": list(fractions),
            "groupby": groupby,
            "stratify": stratify,
            "salt": salt,
        }
    counts = ", ".join(f"{(side == name).sum():,} {name}" for name in SIDES)
    logger.info("split %s samples of %s patients: %s", f"{len(side):,}", f"{patient.nunique():,}", counts)
    return adata if copy else None


def uniform_of(name: str, *, salt: str) -> float:
    """The place of a patient between 0 and 1: the first 53 bits of a SHA-256, as a fraction."""
    return int.from_bytes(sha256(f"{salt}:{name}".encode()).digest()[:8], "big") / 2**64


def split_by_hash(patients: Sequence[str], fractions: Sequence[float], *, salt: str = "specformer") -> dict[str, str]:
    """The side of each patient by the patient's own place alone: the same in every cohort."""
    places = np.array([uniform_of(patient, salt=salt) for patient in patients])
    return dict(zip(patients, _sides(places, fractions), strict=True))


def split_within_strata(
    patient: Sequence[str], stratum: Sequence[str], fractions: Sequence[float], *, salt: str = "specformer"
) -> dict[str, str]:
    """The side of each patient, every stratum divided alike.

    `patient` and `stratum` run over samples. Within a stratum of m patients, the one at position i of the line (by
    hash) takes the place (i + u) / m. The offset u, a hash of the stratum, lets rare classes send their odd
    patient now to one side and now to another, instead of always to training.
    """
    labels: dict[str, list[str]] = {}
    for name, label in zip(patient, stratum, strict=True):
        labels.setdefault(name, []).append(label)
    line: dict[str, list[str]] = {}
    for name, own in labels.items():
        line.setdefault(_commonest(own), []).append(name)
    side_of: dict[str, str] = {}
    for label, members in line.items():
        members.sort(key=lambda name: (uniform_of(name, salt=salt), name))
        places = (np.arange(len(members)) + uniform_of(label, salt=f"{salt}/stratum")) / len(members)
        side_of.update(zip(members, _sides(places, fractions), strict=True))
    return side_of


def _commonest(labels: list[str]) -> str:
    """The label that stands most often; of several, the first in the alphabet, so that row order has no say."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def _sides(places: np.ndarray, fractions: Sequence[float]) -> list[str]:
    first, second, _ = np.cumsum(fractions)
    # A share of zero stays empty even where rounding puts the last cut below 1.
    second = 1.0 if fractions[2] == 0 else second
    return [SIDES[0] if place < first else SIDES[1] if place < second else SIDES[2] for place in places]


def _patients(adata: AnnData, groupby: str | None) -> pd.Series:
    if groupby is None:
        return pd.Series(adata.obs_names.astype(str), index=adata.obs_names)
    patient = require_key(adata, "obs", groupby, run="sf.pp.split(adata, groupby=None)")
    absent = patient.isna().to_numpy() | patient.astype(str).str.strip().eq("").to_numpy()
    cure = "Fill it in, or pass `groupby=None` if each sample is another patient's."
    require_rows(absent, adata.obs_names, f"`adata.obs[{groupby!r}]` is missing", cure)
    return patient.astype(str)
