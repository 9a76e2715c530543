"""The cohorts of a run: opened without reading them whole, and on which side each of their samples is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from specformer._checks import shown
from specformer._keys import PATIENT, SPLIT
from specformer.pp._open import open_cohort
from specformer.pp._split import SIDES, split_by_hash

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_cohorts(data: AnnData | str | Path | Sequence[AnnData | str | Path]) -> list[AnnData]:
    """AnnData objects as they are; `.h5ad` files backed, `.zarr` stores lazily."""
    several = [data] if isinstance(data, AnnData | str | Path) else list(data)
    if not several:
        msg = "Found no cohort to train on: an empty list."
        raise ValueError(msg)
    return [cohort if isinstance(cohort, AnnData) else open_cohort(cohort) for cohort in several]


def sides_of(cohorts: Sequence[AnnData], *, validation: float, salt: str = "specformer") -> list[np.ndarray]:
    """The side of every sample, `"train"`, `"val"` or `"test"`, one array of str for each cohort.

    `obs["split"]` decides, also for the patient's samples in cohorts without one; for all other patients (samples,
    where `obs` has no `"patient"`) their place by hash, which is the same in every cohort.

    Raises
    ------
    ValueError
        If a sample or a patient is on different sides in different cohorts.
    """
    names = [adata.obs_names.tolist() for adata in cohorts]
    owners = [patients_of(adata) for adata in cohorts]
    given = [_given_sides(adata) for adata in cohorts]
    decided: dict[str, str] = {}
    for own, side in zip(owners, given, strict=True):
        decided.update(zip(own, side or [], strict=False))
    sides = []
    for own, side in zip(owners, given, strict=True):
        undecided = sorted({patient for patient in own if patient not in decided})
        decided |= split_by_hash(undecided, (1 - validation, validation, 0.0), salt=salt)
        sides.append(side or [decided[patient] for patient in own])
    _require_one_side("sample", names, sides)
    _require_one_side("patient", owners, sides)
    if not any("train" in side for side in sides):
        msg = "No sample is on the training side."
        raise ValueError(msg)
    return [np.array(side) for side in sides]


def patients_of(adata: AnnData) -> list[str]:
    """Whose each sample of a cohort is: its own where no patient is given."""
    if PATIENT.name not in adata.obs:
        return adata.obs_names.tolist()
    patients = adata.obs[PATIENT.name]
    return [
        name if absent else str(patient)
        for name, patient, absent in zip(adata.obs_names, patients, patients.isna(), strict=True)
    ]


def _given_sides(adata: AnnData) -> list[str] | None:
    if SPLIT.name not in adata.obs:
        return None
    sides = adata.obs[SPLIT.name].astype(str).tolist()
    if strange := sorted(set(sides) - set(SIDES)):
        msg = f"`adata.obs[{SPLIT.name!r}]` holds {shown(strange)}; expected 'train', 'val' and 'test'."
        raise ValueError(msg)
    return sides


def _require_one_side(what: str, ids: Sequence[list[str]], sides: Sequence[list[str]]) -> None:
    found: dict[str, str] = {}
    for own, of_cohort in zip(ids, sides, strict=True):
        for who, side in zip(own, of_cohort, strict=True):
            if found.setdefault(who, side) != side:
                msg = (
                    f"The {what} {who!r} is both in {found[who]!r} and in {side!r}: training would see what it is "
                    "judged on. Split all cohorts alike: `sf.pp.split(adata, stratify=None)`."
                )
                raise ValueError(msg)
