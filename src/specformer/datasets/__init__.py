"""Where cohorts come from."""

from __future__ import annotations

from specformer.datasets._clinical import clinical_table
from specformer.datasets._ensembl import ensembl_genes, transcript_table
from specformer.datasets._from_files import from_files
from specformer.datasets._gene_sets import gene_sets
from specformer.datasets._gene_table import gene_table
from specformer.datasets._simulated import simulated_cohort
from specformer.datasets._write_h5ad import write_h5ad
from specformer.datasets._xena import gtex_toil, tcga_pancan, tcga_pathway_scores, tcga_toil

__all__ = [
    "clinical_table",
    "ensembl_genes",
    "from_files",
    "gene_sets",
    "gene_table",
    "gtex_toil",
    "simulated_cohort",
    "tcga_pancan",
    "tcga_pathway_scores",
    "tcga_toil",
    "transcript_table",
    "write_h5ad",
]
