"""Every key that the package writes into an AnnData object: one place, from which the docs print their table."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One written field: where it lives, what it is called, what it holds."""

    slot: str
    name: str
    dtype: str
    shape: str
    meaning: str
    written_by: str


CANCER_TYPE = Key(
    "obs",
    "cancer_type",
    "category",
    "(n_obs,)",
    "tumour type (TCGA study) or tissue of the sample",
    "datasets.simulated_cohort",
)
PATIENT = Key("obs", "patient", "str", "(n_obs,)", "who the sample is from", "datasets.simulated_cohort")
SAMPLE_TYPE = Key(
    "obs",
    "sample_type",
    "category",
    "(n_obs,)",
    "code of a TCGA barcode (01 primary tumour, 11 normal tissue), or GTEX",
    "datasets.tcga_pancan",
)
IS_TUMOR = Key("obs", "is_tumor", "bool", "(n_obs,)", "whether the sample is of a tumour", "datasets.tcga_pancan")
DISEASE = Key("obs", "disease", "category", "(n_obs,)", "name of the disease of the patient", "datasets.tcga_pancan")
AGE = Key("obs", "age", "float64", "(n_obs,)", "years at diagnosis", "datasets.tcga_pancan")
GENDER = Key("obs", "gender", "category", "(n_obs,)", "FEMALE or MALE, as the cohort has it", "datasets.tcga_pancan")
STAGE = Key("obs", "stage", "category", "(n_obs,)", "pathologic stage (AJCC)", "datasets.tcga_pancan")
EVENT = Key(
    "obs",
    "OS",
    "float64",
    "(n_obs,)",
    "whether the endpoint was reached (1), or the patient left before (0); DSS, DFI and PFI likewise",
    "datasets.tcga_pancan",
)
TIME = Key(
    "obs",
    "OS.time",
    "float64",
    "(n_obs,)",
    "days to the endpoint, or to when the patient left; DSS.time, DFI.time and PFI.time likewise",
    "datasets.tcga_pancan",
)
TISSUE = Key("obs", "tissue", "category", "(n_obs,)", "organ of a GTEx sample", "datasets.gtex_toil")
TISSUE_DETAIL = Key(
    "obs", "tissue_detail", "category", "(n_obs,)", "site in the organ of a GTEx sample", "datasets.gtex_toil"
)
UNITS = Key("uns", "units", "str", "", "what the values of X are", "datasets.tcga_pancan")
SOURCE = Key(
    "uns", "source", "dict", "", "where the cohort comes from: file, address, licence, hash", "datasets.tcga_pancan"
)
FILE = Key("obs", "file", "str", "(n_obs,)", "the file that the sample was read from", "datasets.from_files")
LENGTH = Key("var", "length", "float32", "(n_vars,)", "bases of the gene's exons", "datasets.from_files")
SYMBOL = Key("var", "symbol", "str", "(n_vars,)", "symbol, where the files give it", "datasets.from_files")
BIOTYPE = Key("var", "biotype", "category", "(n_vars,)", "kind of gene, where the files give it", "datasets.from_files")
TPM = Key("layers", "tpm", "float32", "(n_obs, n_vars)", "TPM, where the files give them", "datasets.from_files")
FPKM = Key("layers", "fpkm", "float32", "(n_obs, n_vars)", "FPKM, where the files give them", "datasets.from_files")
SAMPLE_LENGTH = Key(
    "layers",
    "length",
    "float32",
    "(n_obs, n_vars)",
    "effective bases of the gene in each sample, where the files give them",
    "datasets.from_files",
)
UNASSIGNED = Key(
    "obsm",
    "unassigned",
    "DataFrame of float32",
    "(n_obs, n_reasons)",
    "reads that were counted for no gene, by reason, where the files give them",
    "datasets.from_files",
)
SIMULATED = Key(
    "uns", "simulated", "dict", "", "how the cohort was simulated; absent from real data", "datasets.simulated_cohort"
)
GENE_ID = Key(
    "var",
    "gene_id",
    "str",
    "(n_vars,)",
    "approved symbol after harmonisation; empty where the name was not recognised",
    "pp.harmonize_genes",
)
GENE_ROUTE = Key(
    "var",
    "gene_route",
    "category",
    "(n_vars,)",
    "by which kind of name the gene was recognised: ensembl, symbol, alias, entrez, symbol|entrez, unmatched",
    "pp.harmonize_genes",
)
GENES = Key(
    "uns", "genes", "dict", "", "counts by route, collapsed, unmatched, vocabulary coverage", "pp.harmonize_genes"
)
GENE_FILTER = Key(
    "var",
    "informative",
    "bool",
    "(n_vars,)",
    "passed the median and variance filters on training rows",
    "pp.filter_genes",
)
FILTER = Key("uns", "gene_filter", "dict", "", "thresholds of the gene filter and what it kept", "pp.filter_genes")
SPLIT = Key("obs", "split", "category", "(n_obs,)", "train, val or test, by patient", "pp.split")
SPLIT_PARAMS = Key("uns", "split", "dict", "", "fractions, columns and salt of the split", "pp.split")
SCHEME = Key(
    "uns", "scheme", "dict", "", "the normalisation scheme that X was brought to, and from what", "pp.to_scheme"
)
TFIDF_RANK = Key(
    "layers",
    "tfidf_rank",
    "uint16 (uint32 above 65,535 genes)",
    "(n_obs, n_vars)",
    "rank of each gene within its sample, 0 = head of the sequence",
    "pp.tfidf_order",
)
N_EXPRESSED = Key(
    "obs",
    "n_genes_expressed",
    "int32",
    "(n_obs,)",
    "genes above zero in the sample, among those ranked",
    "pp.tfidf_order",
)
IDF = Key("var", "idf", "float32", "(n_vars,)", "inverse document frequency", "pp.tfidf_order")
GENE_WEIGHT = Key(
    "var",
    "gene_weight",
    "float32",
    "(n_vars,)",
    "the gene's factor under a weighting other than tf-idf",
    "pp.tfidf_order",
)
GENE_OFFSET = Key(
    "var", "gene_offset", "float32", "(n_vars,)", 'what the weighting "zscore" subtracts first', "pp.tfidf_order"
)
DF = Key(
    "var",
    "df",
    "int64",
    "(n_vars,)",
    "document frequency: samples with the gene above zero, among those that the statistics come from",
    "pp.tfidf_order",
)
TFIDF = Key("uns", "tfidf", "dict", "", "parameters, scale found and reference of the order", "pp.tfidf_order")
X_SPECFORMER = Key("obsm", "X_specformer", "float32", "(n_obs, n_dims)", "one vector per sample", "tl.specformer_embed")
WINDOWS = Key(
    "obsm",
    "X_specformer_windows",
    "float32",
    "(n_obs, n_windows, hidden_size)",
    "one vector per window, on request",
    "tl.specformer_embed",
)
ATTENTION = Key(
    "obsm",
    "specformer_attention",
    "float32",
    "(n_obs, n_windows)",
    "weight of each window in its sample's vector, on request",
    "tl.specformer_embed",
)
SPECFORMER = Key("uns", "specformer", "dict", "", "provenance of the embedding", "tl.specformer_embed")

X_LINEAR = Key(
    "obsm",
    "X_linear",
    "float32",
    "(n_obs, n_dims)",
    "one vector per sample, of a linear baseline",
    "baselines.linear_embed",
)

CANCER_TYPE_PRED = Key(
    "obs",
    "cancer_type_pred",
    "category",
    "(n_obs,)",
    "the most probable type, 'uncertain' below the stated confidence",
    "tl.predict_cancer_type",
)
CANCER_TYPE_CONFIDENCE = Key(
    "obs",
    "cancer_type_confidence",
    "float32",
    "(n_obs,)",
    "calibrated probability of the most probable type",
    "tl.predict_cancer_type",
)
CANCER_TYPE_UNLIKE = Key(
    "obs",
    "cancer_type_unlike_training",
    "bool",
    "(n_obs,)",
    "whether the sample is farther from every type than training patients are",
    "tl.predict_cancer_type",
)
CANCER_TYPE_PROBA = Key(
    "obsm",
    "cancer_type_proba",
    "DataFrame of float32",
    "(n_obs, n_types)",
    "calibrated probability of each type",
    "tl.predict_cancer_type",
)
CANCER_TYPE_NOTE = Key(
    "uns", "cancer_type_pred", "dict", "", "head, checkpoint, threshold and counts", "tl.predict_cancer_type"
)
PATHWAY_SCORE = Key(
    "obsm",
    "pathway_score",
    "DataFrame of float32",
    "(n_obs, n_pathways)",
    "single-sample enrichment of each gene set, computed from expression",
    "tl.score_pathways",
)
PATHWAY_SCORE_NOTE = Key("uns", "pathway_score", "dict", "", "gene sets and scale of the scores", "tl.score_pathways")
PATHWAY_ACTIVITY = Key(
    "obsm",
    "pathway_activity",
    "DataFrame of float32",
    "(n_obs, n_pathways)",
    "predicted activity of each pathway, in standard deviations of the training cohort",
    "tl.predict_pathways",
)
PATHWAY_NOTE = Key("uns", "pathway_activity", "dict", "", "head and checkpoint", "tl.predict_pathways")
OS_RISK = Key(
    "obs",
    "OS_risk",
    "float32",
    "(n_obs,)",
    "log hazard relative to the training cohort's mean; DSS_risk, PFI_risk and DFI_risk likewise",
    "tl.predict_survival",
)
OS_SURVIVAL = Key(
    "obsm",
    "OS_survival",
    "DataFrame of float32",
    "(n_obs, n_times)",
    "probability of no event up to each time (column, in days), on request; other endpoints likewise",
    "tl.predict_survival",
)
SURVIVAL_NOTE = Key("uns", "survival", "dict", "", "head and checkpoint of each endpoint", "tl.predict_survival")
PREDICTED = Key(
    "layers",
    "predicted",
    "float32",
    "(n_obs, n_vars)",
    "predicted expression; missing where the gene is not known",
    "tl.predict_expression",
)
PREDICTED_NOTE = Key(
    "uns", "predicted", "dict", "", "how expression was predicted, and its unit", "tl.predict_expression"
)
TRANSFERRED = Key(
    "obs", "transferred", "category", "(n_obs,)", "label of the nearest reference samples", "tl.transfer_labels"
)
TRANSFERRED_CONFIDENCE = Key(
    "obs",
    "transferred_confidence",
    "float32",
    "(n_obs,)",
    "weighted share of the nearest reference samples that have it",
    "tl.transfer_labels",
)
TRANSFERRED_NOTE = Key("uns", "transferred", "dict", "", "reference, column, neighbours", "tl.transfer_labels")
GENE_EMBEDDING = Key(
    "varm",
    "specformer",
    "float32",
    "(n_vars, hidden_size)",
    "the checkpoint's vector of each gene; missing where it is not known",
    "tl.gene_embeddings",
)


def table() -> list[Key]:
    """Every key, in the order in which data meets them."""
    return [value for value in globals().values() if isinstance(value, Key)]
