from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import specformer as sf
from specformer import settings
from specformer.datasets._ensembl import covered
from specformer.datasets._registry import SOURCES

GTF = """#!genome-build GRCh38.p14
17\tensembl\tgene\t100\t900\t.\t-\t.\tgene_id "ENSG00000141510"; gene_version "18"; gene_name "TP53"; gene_biotype "protein_coding";
17\tensembl\ttranscript\t100\t900\t.\t-\t.\tgene_id "ENSG00000141510"; transcript_id "ENST00000269305"; gene_name "TP53";
17\tensembl\texon\t100\t199\t.\t-\t.\tgene_id "ENSG00000141510"; transcript_id "ENST00000269305";
17\tensembl\texon\t150\t249\t.\t-\t.\tgene_id "ENSG00000141510"; transcript_id "ENST00000413465";
17\tensembl\texon\t300\t309\t.\t-\t.\tgene_id "ENSG00000141510"; transcript_id "ENST00000269305";
17\tensembl\tCDS\t300\t309\t.\t-\t.\tgene_id "ENSG00000141510"; transcript_id "ENST00000269305";
1\tensembl\tgene\t1\t9\t.\t+\t.\tgene_id "ENSG00000290825.1"; gene_type "lncRNA";
"""


@pytest.fixture
def annotation(server):
    settings.mirror = server.url()
    server.files[SOURCES["ensembl"].name] = gzip.compress(GTF.encode())
    return server


def test_genes_and_transcripts_of_an_annotation(annotation):
    genes, transcripts = sf.datasets.ensembl_genes(), sf.datasets.transcript_table()
    assert genes.loc["ENSG00000141510"].tolist() == ["TP53", "protein_coding", "17", 160]
    assert genes.loc["ENSG00000290825"].tolist() == ["", "lncRNA", "1", 0]
    assert transcripts.to_numpy().tolist() == [["ENST00000269305", "ENSG00000141510"]]
    assert transcripts.columns.tolist() == ["transcript_id", "gene_id"]


def test_they_are_read_once(annotation):
    first = sf.datasets.ensembl_genes()
    settings.mirror = "http://127.0.0.1:9"
    (settings.cachedir / SOURCES["ensembl"].name).unlink()
    assert sf.datasets.ensembl_genes().equals(first)


def test_what_is_no_annotation_is_an_error(annotation):
    annotation.files[SOURCES["ensembl"].name] = gzip.compress(b"#!nothing\n")
    with pytest.raises(ValueError, match="is no annotation in GTF"):
        sf.datasets.ensembl_genes()


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=12))
def test_bases_are_counted_once(intervals):
    spans = [(first, first + more) for first, more in intervals]
    bases = np.zeros(100, bool)
    for first, last in spans:
        bases[first : last + 1] = True
    assert covered(spans) == bases.sum()
