"""Who the samples of TCGA and GTEx are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import require_one_of, shown
from specformer._keys import (
    AGE,
    CANCER_TYPE,
    DISEASE,
    EVENT,
    GENDER,
    IS_TUMOR,
    PATIENT,
    SAMPLE_TYPE,
    STAGE,
    TIME,
    TISSUE,
    TISSUE_DETAIL,
)
from specformer.datasets._fetch import fetch
from specformer.datasets._registry import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINTS = ("OS", "DSS", "DFI", "PFI")
COHORTS = ("tcga", "gtex")
_NO_STAGE = ["[Not Available]", "[Not Applicable]", "[Unknown]", "[Discrepancy]", "[Not Evaluated]", ""]


def clinical_table(cohort: str = "tcga") -> pd.DataFrame:
    """What is known of each sample of TCGA (type, survival, age, stage) or GTEx (tissue).

    Downloads the tables from UCSC Xena once (under 5 MB). The loaders of expression put the same columns into `obs`.

    Parameters
    ----------
    cohort
        `"tcga"`: the samples of the TCGA Clinical Data Resource, with its curated endpoints, and the disease of each
        sample; or `"gtex"`.

    Returns
    -------
    One row for each sample. `cancer_type` (TCGA study; `"GTEx"`), `patient`, `sample_type` (the barcode's code: 01
    primary tumour, 06 metastasis, 11 normal tissue, ...; `"GTEX"`), `is_tumor`, `gender`; for TCGA `disease`, `age`
    (years), `stage` (AJCC), and for each endpoint OS, DSS, DFI and PFI the event (1, 0, or missing) and its time in
    days (`OS.time`); for GTEx `tissue` and `tissue_detail`.

    Raises
    ------
    ValueError
        If the cohort is another one, or a file has not the columns it is known to have.
    OSError
        If a file is not in the cache and cannot be downloaded.

    Examples
    --------
    >>> table = clinical_table("tcga")  # doctest: +SKIP
    >>> table["cancer_type"].value_counts()  # doctest: +SKIP
    """
    require_one_of("cohort", cohort, COHORTS)
    return _tcga() if cohort == "tcga" else _gtex()


def describe_samples(samples: pd.Index, cohort: str) -> pd.DataFrame:
    """Rows of the clinical table for `samples`; what belongs to the patient is taken from other samples if need be."""
    table = clinical_table(cohort)
    obs = table.reindex(samples)
    if cohort == "tcga":
        obs = obs.assign(**_from_barcode(samples))
        of_patient = table.groupby(PATIENT.name).first()
        known = [column for column in table if column not in (PATIENT.name, SAMPLE_TYPE.name, IS_TUMOR.name)]
        other = of_patient.reindex(obs[PATIENT.name])[known].set_axis(samples)
        obs[known] = obs[known].where(obs[known].notna(), other)
    else:
        obs = obs.assign(**_of_gtex(samples))
    obs[PATIENT.name] = obs[PATIENT.name].astype(str)
    for column in (CANCER_TYPE, SAMPLE_TYPE, GENDER, STAGE, DISEASE, TISSUE, TISSUE_DETAIL):
        if column.name in obs:
            obs[column.name] = obs[column.name].astype("category")
    return obs


def _tcga() -> pd.DataFrame:
    survival = _read(fetch(SOURCES["tcga_survival"]), "sample", "cancer type abbreviation", "OS", "OS.time")
    disease = _read(fetch(SOURCES["tcga_phenotype"]), "sample", "_primary_disease")["_primary_disease"]
    samples = survival.index.union(disease.index)
    survival = survival.reindex(samples)
    table = pd.DataFrame({CANCER_TYPE.name: survival["cancer type abbreviation"], **_from_barcode(samples)})
    table[DISEASE.name] = disease.reindex(samples)
    table[AGE.name] = pd.to_numeric(survival["age_at_initial_pathologic_diagnosis"], errors="coerce")
    table[GENDER.name] = survival["gender"]
    table[STAGE.name] = survival["ajcc_pathologic_tumor_stage"].replace(_NO_STAGE, np.nan)
    for endpoint in ENDPOINTS:
        for key in (EVENT.name, TIME.name):
            column = key.replace("OS", endpoint, 1)
            table[column] = pd.to_numeric(survival[column], errors="coerce")
    return table


def _gtex() -> pd.DataFrame:
    source = _read(fetch(SOURCES["gtex_phenotype"]), "Sample", "_primary_site", "body_site_detail (SMTSD)")
    table = pd.DataFrame(_of_gtex(source.index), index=source.index)
    table[GENDER.name] = source["_gender"].str.upper()
    table[TISSUE.name] = source["_primary_site"].replace("<not provided>", np.nan)
    table[TISSUE_DETAIL.name] = source["body_site_detail (SMTSD)"]
    return table


def _from_barcode(samples: pd.Index) -> dict[str, pd.Series]:
    odd = samples[~samples.str.fullmatch(r"TCGA-\w{2}-\w{4}-\d{2}[A-Z]?")]
    if len(odd):
        msg = f"Expected TCGA sample barcodes such as 'TCGA-OR-A5J1-01'; found {shown(odd)}."
        raise ValueError(msg)
    code = samples.str[13:15]
    columns = {PATIENT.name: samples.str[:12], SAMPLE_TYPE.name: code, IS_TUMOR.name: code < "10"}
    return {name: pd.Series(values, index=samples) for name, values in columns.items()}


def _of_gtex(samples: pd.Index) -> dict[str, pd.Series]:
    patient = samples.str.split("-").str[:2].str.join("-")
    columns = {CANCER_TYPE.name: "GTEx", PATIENT.name: patient, SAMPLE_TYPE.name: "GTEX", IS_TUMOR.name: False}
    return {name: pd.Series(values, index=samples) for name, values in columns.items()}


def _read(path: Path, sample: str, *required: str) -> pd.DataFrame:
    compression = "gzip" if path.open("rb").read(2) == b"\x1f\x8b" else None
    table = pd.read_csv(path, sep="\t", dtype=str, compression=compression)
    missing = [column for column in (sample, *required) if column not in table]
    if missing:
        msg = f"{path} has no column {shown(missing)}; found {shown(table.columns, 40)}."
        raise ValueError(msg)
    return table.drop_duplicates(sample).set_index(sample)
