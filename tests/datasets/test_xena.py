from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer import settings
from specformer.datasets import _xena
from specformer.datasets._registry import SOURCES
from specformer.genes import shipped_vocabulary

TCGA = ["TCGA-OR-A5J1-01", "TCGA-BR-6452-11", "TCGA-BR-6452-01", "TCGA-3G-AB0O-01"]
GTEX = ["GTEX-S4Q7-0003-SM-3NM8M", "GTEX-QV31-1626-SM-2S1QC", "K-562-SM-3NMDG"]
N_GENES = 600

SURVIVAL = """sample\t_PATIENT\tcancer type abbreviation\tage_at_initial_pathologic_diagnosis\tgender\trace\tajcc_pathologic_tumor_stage\tOS\tOS.time\tDSS\tDSS.time\tDFI\tDFI.time\tPFI\tPFI.time\tRedaction
TCGA-OR-A5J1-01\tTCGA-OR-A5J1\tACC\t58\tMALE\tWHITE\tStage II\t1\t1355\t1\t1355\t1\t754\t1\t754\t
TCGA-BR-6452-01\tTCGA-BR-6452\tSTAD\t72\tFEMALE\tASIAN\t[Not Available]\t0\t30\t0\t30\t\t\t0\t30\t
TCGA-XX-A899-01\tTCGA-XX-A899\tBRCA\t46\tFEMALE\tWHITE\tStage IIA\t0\t467\t0\t467\t\t\t0\t467\t
"""
PHENOTYPE = """sample\tsample_type_id\tsample_type\t_primary_disease
TCGA-OR-A5J1-01\t1\tPrimary Tumor\tadrenocortical cancer
TCGA-BR-6452-11\t11\tSolid Tissue Normal\tstomach adenocarcinoma
TCGA-3G-AB0O-01\t1\tPrimary Tumor\tthymoma
"""
GTEX_PHENOTYPE = """Sample\tbody_site_detail (SMTSD)\t_primary_site\t_gender\t_patient\t_cohort
GTEX-S4Q7-0003-SM-3NM8M\tWhole Blood\tBlood\tmale\tGTEX-S4Q7\tGTEX
GTEX-QV31-1626-SM-2S1QC\tLung\tLung\tfemale\tGTEX-QV31\tGTEX
"""


def table(samples, values, genes):
    rows = ["\t".join(["sample", *samples])]
    rows += [
        "\t".join([gene, *(v if isinstance(v, str) else f"{v:.4f}" for v in row)])
        for gene, row in zip(genes, values.T, strict=True)
    ]
    return gzip.compress(("\n".join(rows) + "\n").encode())


@pytest.fixture
def tpm():
    rng = np.random.default_rng(0)
    linear = rng.lognormal(0, 2, (4, N_GENES)) * (rng.random((4, N_GENES)) < 0.7)
    return 1e6 * linear / linear.sum(axis=1, keepdims=True)


@pytest.fixture
def corpus(server, tpm):
    """A mirror of the corpus, with four samples of TCGA and three of GTEx."""
    ensembl = [f"{gene}.{i % 9}" for i, gene in enumerate(shipped_vocabulary().table["ensembl"][:N_GENES])]
    symbols = shipped_vocabulary().table["symbol"][:N_GENES].tolist()
    for cohort, samples in (("tcga", TCGA), ("gtex", GTEX)):
        values = tpm[: len(samples)]
        server.files[SOURCES[f"{cohort}_tpm"].name] = table(samples, np.log2(values + 0.001), ensembl)
        server.files[SOURCES[f"{cohort}_fpkm"].name] = table(samples, np.log2(values / 2 + 0.001), ensembl)
        server.files[SOURCES[f"{cohort}_expected_count"].name] = table(samples, np.log2(values * 30 + 1), ensembl)
        server.files[SOURCES[f"{cohort}_norm_count"].name] = table(samples, np.log2(values / 3 + 1), symbols)
    corrected = np.log2(tpm + 1).astype(object)
    corrected[1, :20] = "NA"
    corrected[0, 30] = -0.2
    server.files[SOURCES["tcga_pancan"].name] = table(TCGA, corrected, symbols)
    scores = np.random.default_rng(1).normal(size=(4, 5))
    server.files[SOURCES["tcga_ssgsea"].name] = table(TCGA, scores, [f"pathway {i}" for i in range(5)])
    server.files[SOURCES["tcga_ssgsea_z"].name] = table(TCGA, 2 * scores, [f"pathway {i}" for i in range(5)])
    server.files[SOURCES["tcga_survival"].name] = SURVIVAL.encode()
    server.files[SOURCES["tcga_phenotype"].name] = gzip.compress(PHENOTYPE.encode())
    server.files[SOURCES["gtex_phenotype"].name] = gzip.compress(GTEX_PHENOTYPE.encode())
    settings.mirror = server.url()
    return server


@pytest.mark.parametrize(
    ("quantification", "factor", "unit"),
    [("tpm", 1, "TPM"), ("fpkm", 0.5, "FPKM"), ("expected_count", 30, "RSEM expected counts"), ("norm_count", 1 / 3, "upper-quartile-normalised RSEM")],
)  # fmt: skip
@pytest.mark.parametrize("load", [sf.datasets.tcga_toil, sf.datasets.gtex_toil])
def test_toil_is_linear_in_every_unit(corpus, tpm, load, quantification, factor, unit):
    adata = load(quantification)
    assert adata.isbacked
    expected = factor * tpm[: adata.n_obs]
    np.testing.assert_allclose(adata.X[:], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(adata.X[:] == 0, expected == 0)
    assert adata.uns["units"] == unit
    assert adata.uns["source"]["licence"].startswith("open access")
    assert len(adata.uns["source"]["sha256"]) == 64
    adata.file.close()


def test_samples_are_described(corpus):
    obs = sf.datasets.tcga_toil("tpm", backed=False).obs
    assert obs.index.tolist() == TCGA
    # The normal is the same patient as the tumour; the last one is in neither table of survival.
    assert obs["cancer_type"].astype(object).where(obs["cancer_type"].notna(), None).tolist() == [
        "ACC",
        "STAD",
        "STAD",
        None,
    ]
    assert obs["patient"].tolist() == ["TCGA-OR-A5J1", "TCGA-BR-6452", "TCGA-BR-6452", "TCGA-3G-AB0O"]
    assert obs["sample_type"].tolist() == ["01", "11", "01", "01"]
    assert obs["is_tumor"].tolist() == [True, False, True, True]
    assert obs["is_tumor"].dtype == bool
    np.testing.assert_array_equal(obs["OS"], [1, 0, 0, np.nan])
    np.testing.assert_array_equal(obs["OS.time"], [1355, 30, 30, np.nan])
    np.testing.assert_array_equal(obs["DFI.time"], [754, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(obs["age"], [58, 72, 72, np.nan])
    assert obs["stage"].astype(object).fillna("").tolist() == ["Stage II", "", "", ""]
    assert obs["disease"].astype(str).tolist() == ["adrenocortical cancer", *["stomach adenocarcinoma"] * 2, "thymoma"]


def test_healthy_tissues_are_described(corpus):
    obs = sf.datasets.gtex_toil("tpm", backed=False).obs
    assert obs["cancer_type"].tolist() == ["GTEx"] * 3
    assert obs["sample_type"].tolist() == ["GTEX"] * 3
    assert not obs["is_tumor"].any()
    assert obs["patient"].tolist() == ["GTEX-S4Q7", "GTEX-QV31", "K-562"]
    assert obs["tissue"].astype(object).fillna("").tolist() == ["Blood", "Lung", ""]
    assert obs["tissue_detail"].astype(object).fillna("").tolist() == ["Whole Blood", "Lung", ""]


def test_pancan_is_complete_and_not_negative(corpus, tpm):
    adata = sf.datasets.tcga_pancan()
    assert adata.n_vars == N_GENES - 20
    expected = tpm[:, 20:].copy()
    expected[0, 10] = 0
    np.testing.assert_allclose(adata.X[:], expected, rtol=1e-4, atol=1e-4)
    assert adata.uns["source"]["published_as"].startswith("log2(batch-corrected")
    adata.file.close()


def test_what_it_is_is_seen_and_it_can_be_ordered_from_disk(corpus):
    adata = sf.datasets.tcga_toil("tpm")
    assert sf.pp.detect_scale(adata).name == "tpm"
    sf.pp.tfidf_order(adata)
    assert adata.layers["tfidf_rank"].shape == (4, N_GENES)
    adata.file.close()


def test_pathway_scores(corpus):
    scores, standardised = sf.datasets.tcga_pathway_scores(), sf.datasets.tcga_pathway_scores("zscore")
    assert scores.var_names[0] == "pathway 0"
    np.testing.assert_allclose(2 * scores.X, standardised.X, atol=2e-4)
    assert scores.obs["cancer_type"].tolist()[:2] == ["ACC", "STAD"]


def test_the_second_call_reads_what_was_converted(corpus, cache, monkeypatch):
    sf.datasets.tcga_toil("tpm").file.close()
    asked = len(corpus.requests)
    (cache / SOURCES["tcga_tpm"].name).unlink()
    settings.mirror = "http://127.0.0.1:9"
    monkeypatch.setattr(_xena, "convert_matrix", None)
    adata = sf.datasets.tcga_toil("tpm")
    assert adata.shape == (4, N_GENES)
    assert len(corpus.requests) == asked
    adata.file.close()


def test_another_download_is_converted_anew(corpus, cache, tpm):
    sf.datasets.tcga_toil("tpm").file.close()
    name = SOURCES["tcga_tpm"].name
    corpus.files[name] = table(TCGA, np.log2(2 * tpm + 0.001), [f"ENSG{i:011d}" for i in range(N_GENES)])
    (cache / name).unlink()
    hashes = json.loads((cache / "known_hashes.json").read_text())
    hashes[name] = "0" * 64
    (cache / "known_hashes.json").write_text(json.dumps(hashes))
    with pytest.raises(ValueError, match=r"another SHA-256 .* delete its entry in"):
        sf.datasets.tcga_toil("tpm")
    del hashes[name]
    (cache / "known_hashes.json").write_text(json.dumps(hashes))
    (cache / f"{name}.h5ad").unlink()
    assert sf.datasets.tcga_toil("tpm", backed=False).var_names[0] == "ENSG00000000000"


def test_a_damaged_table_is_named(corpus, cache):
    corpus.files[SOURCES["tcga_tpm"].name] = corpus.files[SOURCES["tcga_tpm"].name][:-20]
    with pytest.raises(ValueError, match="is damaged"):
        sf.datasets.tcga_toil("tpm")
    assert not (cache / f"{SOURCES['tcga_tpm'].name}.h5ad").exists()


def test_clinical_tables_of_all_samples(corpus):
    tcga, gtex = sf.datasets.clinical_table("tcga"), sf.datasets.clinical_table("gtex")
    assert set(tcga.index) == {*TCGA, "TCGA-XX-A899-01"}
    assert tcga.loc["TCGA-XX-A899-01", ["cancer_type", "OS", "OS.time", "stage"]].tolist() == [
        "BRCA",
        0,
        467,
        "Stage IIA",
    ]
    assert pd.isna(tcga.loc["TCGA-3G-AB0O-01", "cancer_type"])
    assert gtex["gender"].tolist() == ["MALE", "FEMALE"]


def test_other_names_than_barcodes_are_an_error(corpus):
    corpus.files[SOURCES["tcga_tpm"].name] = table(["s1", "s2"], np.zeros((2, 3)), ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"Expected TCGA sample barcodes.*found 's1', 's2'"):
        sf.datasets.tcga_toil("tpm")


def test_a_table_without_its_columns_is_an_error(corpus):
    corpus.files[SOURCES["tcga_survival"].name] = b"sample\tOS\nTCGA-OR-A5J1-01\t1\n"
    with pytest.raises(ValueError, match=r"has no column 'cancer type abbreviation', 'OS.time'; found 'sample', 'OS'"):
        sf.datasets.clinical_table()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sf.datasets.tcga_toil("counts"), "`quantification` is 'counts'; expected one of 'expected_count'"),
        (lambda: sf.datasets.gtex_toil("counts"), "`quantification` is 'counts'"),
        (lambda: sf.datasets.tcga_pathway_scores("z"), "`scale` is 'z'"),
        (lambda: sf.datasets.clinical_table("target"), "`cohort` is 'target'"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
