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
SPECFORMER = Key("uns", "specformer", "dict", "", "provenance of the embedding", "tl.specformer_embed")

X_LINEAR = Key(
    "obsm",
    "X_linear",
    "float32",
    "(n_obs, n_dims)",
    "one vector per sample, of a linear baseline",
    "baselines.linear_embed",
)


def table() -> list[Key]:
    """Every key, in the order in which data meets them."""
    return [value for value in globals().values() if isinstance(value, Key)]
