from __future__ import annotations

import pytest

import specformer as sf
from specformer import settings
from specformer.datasets._registry import SOURCES

GMT = "HALLMARK_A\thttps://example.org/a\tTP53\tEGFR\nHALLMARK_B\thttps://example.org/b\tALB\n"
PARADIGM = (
    'export default [{"golabel": "G2_Phase", "gene": ["Cyclin_A_(family)", "E2F1", "CDK2", "E2F1/E2F3_(complex)", "E2F1"]},'
    ' {"golabel": "Nothing", "gene": ["GDP_(smallMolecule)"]}]\n'
)


@pytest.fixture
def mirror(server):
    settings.mirror = server.url()
    server.files = {SOURCES["hallmark"].name: GMT.encode(), SOURCES["paradigm"].name: PARADIGM.encode()}
    return server


def test_a_public_collection(mirror):
    assert sf.datasets.gene_sets() == {"HALLMARK_A": ["TP53", "EGFR"], "HALLMARK_B": ["ALB"]}


def test_pathways_are_their_genes_without_complexes_and_molecules(mirror):
    assert sf.datasets.gene_sets("paradigm") == {"G2_Phase": ["CDK2", "E2F1"]}


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_file(tmp_path, as_path):
    (tmp_path / "own.gmt").write_text(GMT)
    assert sf.datasets.gene_sets(as_path(tmp_path / "own.gmt"))["HALLMARK_B"] == ["ALB"]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'halmark' is neither a file nor a collection. There are: hallmark"):
        sf.datasets.gene_sets("halmark")
    (tmp_path / "own.gmt").write_text("HALLMARK_A TP53\n")
    with pytest.raises(ValueError, match="is no GMT file: the lines 'HALLMARK_A TP53'"):
        sf.datasets.gene_sets(tmp_path / "own.gmt")


@pytest.mark.real_data
def test_the_pathways_of_the_scores_are_1387(real_data):
    sets = sf.datasets.gene_sets(real_data / "pathways" / "paradigm_1387_genes.gmt")
    assert len(sets) == 1387
    assert sets["G2_Phase"] == ["CCNA1", "CCNA2", "CDK2", "E2F1", "E2F3"]
