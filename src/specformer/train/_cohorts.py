"""The cohorts of a run: opened without reading them whole, and on which side each of their samples is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata import AnnData

from specformer._checks import shown
from specformer._keys import PATIENT, SPLIT
from specformer.pp._split import split_by_hash

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_cohorts(data: AnnData | str | Path | Sequence[AnnData | str | Path]) -> list[AnnData]:
    """AnnData objects as they are; `.h5ad` files backed, `.zarr` stores lazily."""
    several = [data] if isinstance(data, AnnData | str | Path) else list(data)
    if not several:
        msg = "Found no cohort to train on: an empty list."
        raise ValueError(msg)
    return [cohort if isinstance(cohort, AnnData) else _open(Path(cohort)) for cohort in several]


def _open(path: Path) -> AnnData:
    import anndata as ad

    if not path.exists():
        msg = f"There is no file {str(path)!r}."
        raise FileNotFoundError(msg)
    if path.suffix == ".h5ad":
        return ad.read_h5ad(path, backed="r")
    if path.suffix != ".zarr":
        msg = f"{str(path)!r} is neither an .h5ad file nor a .zarr store. Read it yourself and pass the AnnData."
        raise ValueError(msg)
    try:
        import zarr
        from anndata.experimental import read_elem_lazy
    except ImportError:
        return ad.io.read_zarr(path)
    group: Any = zarr.open_group(path, mode="r")
    names = group["layers"] if "layers" in group else ()
    layers = {name: read_elem_lazy(group["layers"][name]) for name in names}
    return AnnData(
        X=read_elem_lazy(group["X"]) if "X" in group else None,
        obs=ad.io.read_elem(group["obs"]),
        var=ad.io.read_elem(group["var"]),
        uns=ad.io.read_elem(group["uns"]) if "uns" in group else None,
        layers=layers,
    )


def sides_of(cohorts: Sequence[AnnData], *, validation: float, salt: str = "specformer") -> list[np.ndarray]:
    """The side of every sample, `"train"`, `"val"` or `"test"`, one array of str for each cohort.

    `obs["split"]` decides where it is; elsewhere the place of the patient (of the sample, where `obs` has no
    `"patient"`), which is the same in every cohort.

    Raises
    ------
    ValueError
        If a sample or a patient is on different sides in different cohorts.
    """
    sides, owners = [], []
    fractions = (1 - validation, validation, 0.0)
    for adata in cohorts:
        names = adata.obs_names.to_numpy(str)
        patients = names
        if PATIENT.name in adata.obs:
            own = adata.obs[PATIENT.name]
            patients = np.where(own.isna().to_numpy(), names, own.astype(str).to_numpy()).astype(str)
        if SPLIT.name in adata.obs:
            side = adata.obs[SPLIT.name].astype(str).to_numpy(str)
            strange = set(side) - {"train", "val", "test"}
            if strange:
                msg = f"`adata.obs[{SPLIT.name!r}]` holds {shown(sorted(strange))}; expected 'train', 'val' and 'test'."
                raise ValueError(msg)
        else:
            side_of = split_by_hash(np.unique(patients).tolist(), fractions, salt=salt)
            side = np.array([side_of[patient] for patient in patients])
        sides.append(side)
        owners.append(patients)
    for what, ids in (("sample", [adata.obs_names.to_numpy(str) for adata in cohorts]), ("patient", owners)):
        found: dict[str, str] = {}
        for who, side in zip(np.concatenate(ids), np.concatenate(sides), strict=True):
            if found.setdefault(who, side) != side:
                msg = (
                    f"The {what} {who!r} is both in {found[who]!r} and in {side!r}: training would see what it is "
                    "judged on. Split all cohorts alike: `sf.pp.split(adata, stratify=None)`."
                )
                raise ValueError(msg)
    if not any((side == "train").any() for side in sides):
        msg = "No sample is on the training side."
        raise ValueError(msg)
    return sides
