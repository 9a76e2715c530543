"""The cohorts of the benchmark, every patient on one side in all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key, shown
from specformer._keys import PATIENT, SPLIT
from specformer.datasets._gene_sets import read_gmt
from specformer.pp._split import split_by_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

FRACTIONS = (0.80, 0.05, 0.15)
FILES = {
    "panel": "tcga_gtex_panel.h5ad",
    "wide": "tcga_gtex_wide.h5ad",
    "htseq": "tcga_htseq_counts.h5ad",
    "rsem": "tcga_rsem_normalized.h5ad",
    "expected_count": "rnaseqdb_expected_count.h5ad",
    "fpkm": "rnaseqdb_fpkm.h5ad",
}
SAME_SAMPLES = (("expected_count", "fpkm"), ("htseq", "rsem"))
LENGTH = "length"


@dataclass(frozen=True)
class Cohorts:
    """Cohorts by the part they play, with gene sets for the pathway axis.

    `panel` and `wide` are TCGA and GTEx samples as logarithms of upper-quartile expression; `htseq` and `rsem`, and
    `expected_count` and `fpkm`, hold the same samples in two schemes. An axis whose cohort is not there is left out.
    """

    adatas: Mapping[str, AnnData]
    """By name; each has `obs["patient"]` and `obs["split"]`."""
    gene_sets: Mapping[str, list[str]] = field(default_factory=dict)
    """Genes of each pathway, by symbol."""

    def __getitem__(self, name: str) -> AnnData:
        return self.adatas[name]

    def __contains__(self, name: object) -> bool:
        return name in self.adatas

    def part(self, name: str, side: str) -> np.ndarray:
        """Which samples of a cohort are on a side of the split, bool (n_obs,)."""
        return (self[name].obs[SPLIT.name] == side).to_numpy()

    def asking(self, side: str) -> Cohorts:
        """The same cohorts with the patients of this side in the place of the test patients, who are left out."""
        chosen = {}
        for name, adata in self.adatas.items():
            chosen[name] = adata[~self.part(name, "test") | self.part(name, side)].copy()
            chosen[name].obs[SPLIT.name] = chosen[name].obs[SPLIT.name].astype(str).replace(side, "test")
        return Cohorts(chosen, self.gene_sets)

    def pairs(self, side: str) -> list[tuple[AnnData, AnnData]]:
        """The same samples of one side in two schemes, row by row."""
        found = []
        for first, second in SAME_SAMPLES:
            if first in self and second in self:
                a, b = (self[name][self.part(name, side)] for name in (first, second))
                both = a.obs_names.intersection(b.obs_names)
                found.append((a[both], b[both]))
        return [(a, b) for a, b in found if a.n_obs]


def read_cohorts(directory: Path | str) -> Cohorts:
    """Read the real cohorts of a directory and divide their patients.

    Parameters
    ----------
    directory
        Has any of the files of `FILES`, gene lengths in `genes/ensembl_grch38.csv.gz` and the pathways in
        `pathways/paradigm_1387_genes.gmt`.

    Returns
    -------
    The cohorts, in memory. A patient is in train (0.80), val (0.05) or test (0.15) by the hash of the patient's id alone.
    """
    import anndata as ad

    directory = Path(directory)
    present = {name: directory / file for name, file in FILES.items() if (directory / file).is_file()}
    if not present:
        msg = f"No cohort in {directory}; expected any of {', '.join(FILES.values())}."
        raise ValueError(msg)
    adatas = {name: ad.read_h5ad(path) for name, path in present.items()}
    if "htseq" in adatas and (table := directory / "genes" / "ensembl_grch38.csv.gz").is_file():
        _add_lengths(adatas["htseq"], table)
    gmt = directory / "pathways" / "paradigm_1387_genes.gmt"
    return divided(adatas, gene_sets=read_gmt(gmt) if gmt.is_file() else {})


def divided(adatas: Mapping[str, AnnData], *, gene_sets: Mapping[str, list[str]] | None = None) -> Cohorts:
    """Cohorts with `obs["split"]` set by the hash of each patient.

    Parameters
    ----------
    adatas
        Cohorts by name, each with `obs["patient"]`. Their `obs` gets the split; nothing else is changed.
    gene_sets
        Genes of each pathway.
    """
    for name, adata in adatas.items():
        if not adata.obs_names.is_unique:
            msg = f"Cohort {name!r} has repeated sample names: {shown(adata.obs_names[adata.obs_names.duplicated()])}."
            raise ValueError(msg)
        patient = require_key(adata, "obs", PATIENT.name, run="adata.obs['patient'] = ...").astype(str)
        adata.obs[SPLIT.name] = patient.map(split_by_hash(patient.unique(), FRACTIONS)).astype("category")
    return Cohorts(dict(adatas), dict(gene_sets or {}))


def _add_lengths(adata: AnnData, table: Path) -> None:
    import pandas as pd

    lengths = pd.read_csv(table, usecols=["id", "eff_length"]).drop_duplicates("id").set_index("id")["eff_length"]
    adata.var[LENGTH] = lengths.reindex(adata.var_names).to_numpy(np.float64)
