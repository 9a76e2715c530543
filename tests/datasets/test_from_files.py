from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer.genes import shipped_vocabulary

N_GENES = 400
SAMPLES = ["S1", "S2", "S3"]


@pytest.fixture(scope="module")
def genes():
    return [f"{gene}.{i % 9 + 1}" for i, gene in enumerate(shipped_vocabulary().table["ensembl"][:N_GENES])]


@pytest.fixture(scope="module")
def counts(genes):
    values = np.random.default_rng(0).negative_binomial(1, 0.01, (len(SAMPLES), len(genes)))
    return pd.DataFrame(values, index=SAMPLES, columns=genes)


def lines(*rows):
    return "\n".join("\t".join(str(value) for value in row) for row in rows) + "\n"


def star(row):
    head = [
        ("N_unmapped", 90, 90, 90),
        ("N_multimapping", 80, 80, 80),
        ("N_noFeature", 7, 5, 6),
        ("N_ambiguous", 4, 2, 3),
    ]
    return lines(*head, *((gene, n, n // 3, n - n // 3) for gene, n in row.items()))


def htseq(row):
    tail = [
        ("__no_feature", 7),
        ("__ambiguous", 4),
        ("__too_low_aQual", 0),
        ("__not_aligned", 90),
        ("__alignment_not_unique", 80),
    ]
    return lines(*row.items(), *tail)


def htseq_with_symbols(row):
    tail = [("__no_feature", "", 7), ("__ambiguous", "", 4)]
    return lines(*((gene, f"NAME{i}", n) for i, (gene, n) in enumerate(row.items())), *tail)


def feature_counts(table):
    head = '# Program:featureCounts v2.0.3; Command:"featureCounts" "-a" "genes.gtf" "-o" "counts.txt"\n'
    columns = [
        "Geneid",
        "Chr",
        "Start",
        "End",
        "Strand",
        "Length",
        *(f"bam/{s}Aligned.sortedByCoord.out.bam" for s in table.index),
    ]
    rows = ((gene, "1;1", "1;90", "50;99", "+;+", 60 + i, *table[gene]) for i, gene in enumerate(table))
    return head + lines(columns, *rows)


def rsem(row):
    columns = ["gene_id", "transcript_id(s)", "length", "effective_length", "expected_count", "TPM", "FPKM"]
    rows = ((gene, "ENST1,ENST2", "1500.00", "1320.50", f"{n + 0.25:.2f}", n / 2, n / 4) for gene, n in row.items())
    return lines(columns, *rows)


def salmon(row):
    rows = ((gene, 1500, 1320.5, n / 2, n + 0.125) for gene, n in row.items())
    return lines(["Name", "Length", "EffectiveLength", "TPM", "NumReads"], *rows)


def kallisto(row):
    rows = ((gene, 1500, 1320.5, n + 0.125, n / 2) for gene, n in row.items())
    return lines(["target_id", "length", "eff_length", "est_counts", "tpm"], *rows)


def gdc(row):
    columns = ["gene_id", "gene_name", "gene_type", "unstranded", "stranded_first", "stranded_second", "tpm_unstranded", "fpkm_unstranded", "fpkm_uq_unstranded"]  # fmt: skip
    head = [("N_unmapped", "", "", 90, 90, 90, "", "", ""), ("N_noFeature", "", "", 7, 5, 6, "", "", "")]
    rows = (
        (gene, f"NAME{i}", "protein_coding", n, n // 3, n - n // 3, n / 2, n / 4, n / 8)
        for i, (gene, n) in enumerate(row.items())
    )
    return "# gene-model: GENCODE v36\n" + lines(columns, *head, *rows)


LAYOUTS = {
    "STAR ReadsPerGene": (star, "{}_ReadsPerGene.out.tab"),
    "HTSeq": (htseq, "{}.htseq.counts"),
    "RSEM": (rsem, "{}.genes.results"),
    "Salmon": (salmon, "{}/quant.genes.sf"),
    "kallisto": (kallisto, "{}/abundance.tsv"),
    "GDC STAR counts": (gdc, "{}.rna_seq.augmented_star_gene_counts.tsv"),
}


def write(folder, counts, tool, suffix=""):
    text, name = LAYOUTS[tool]
    for sample, row in counts.iterrows():
        path = folder / (name.format(sample) + suffix)
        path.parent.mkdir(exist_ok=True, parents=True)
        content = text(row).encode()
        path.write_bytes(gzip.compress(content) if suffix else content)
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("tool", LAYOUTS)
def test_a_folder_of_each_tool(tmp_path, counts, tool, suffix):
    write(tmp_path, counts, tool, suffix)
    (tmp_path / "Log.final.out").write_text("Started job on | Nov 20\n")
    (tmp_path / "reads.bam").write_bytes(bytes(range(256)) * 9)
    adata = sf.datasets.from_files(tmp_path)
    assert adata.uns["source"]["tool"] == tool
    assert adata.uns["units"] == "counts"
    assert adata.obs_names.tolist() == SAMPLES
    assert adata.var_names.tolist() == counts.columns.tolist()
    assert adata.X.dtype == np.float32
    fraction = {"RSEM": 0.25, "Salmon": 0.125, "kallisto": 0.125}.get(tool, 0)
    np.testing.assert_array_equal(adata.X, counts + fraction)
    assert [path.split("/")[-1][:1] for path in adata.obs["file"]] != []
    assert all(sample in path for sample, path in zip(SAMPLES, adata.obs["file"], strict=True))


def test_units_and_lengths_that_the_tool_gives(tmp_path, counts):
    for tool, layers in {
        "STAR ReadsPerGene": set(),
        "HTSeq": set(),
        "RSEM": {"tpm", "fpkm", "length"},
        "Salmon": {"tpm", "length"},
        "kallisto": {"tpm", "length"},
        "GDC STAR counts": {"tpm", "fpkm"},
    }.items():
        adata = sf.datasets.from_files(write(tmp_path / tool, counts, tool))
        assert set(adata.layers) - {None} == layers, tool
        for layer, expected in {"tpm": counts / 2, "fpkm": counts / 4, "length": counts * 0 + 1320.5}.items():
            if layer in layers:
                np.testing.assert_allclose(adata.layers[layer], expected, err_msg=f"{tool} {layer}")


def test_names_of_genes_that_the_tool_gives(tmp_path, counts):
    var = sf.datasets.from_files(write(tmp_path, counts, "GDC STAR counts")).var
    assert var["symbol"].tolist() == [f"NAME{i}" for i in range(N_GENES)]
    assert var["biotype"].cat.categories.tolist() == ["protein_coding"]


@pytest.mark.parametrize("tool", ["STAR ReadsPerGene", "GDC STAR counts"])
def test_the_strand_is_a_column(tmp_path, counts, tool):
    write(tmp_path, counts, tool)
    read = {strand: sf.datasets.from_files(tmp_path, strand=strand) for strand in ("unstranded", "forward", "reverse")}
    np.testing.assert_array_equal(read["unstranded"].X, counts)
    np.testing.assert_array_equal(read["forward"].X, counts // 3)
    np.testing.assert_array_equal(read["reverse"].X, counts - counts // 3)
    assert read["reverse"].uns["source"]["strand"] == "reverse"
    assert "tpm" not in read["reverse"].layers
    assert read["forward"].obsm["unassigned"]["N_noFeature"].tolist() == [5] * 3


def test_a_strand_that_loses_most_reads_is_warned_of(tmp_path, counts, capsys):
    for sample, row in counts.iterrows():
        table = [(gene, n, n // 100, n - n // 100) for gene, n in row.items()]
        of_no_gene = ("N_noFeature", 10, row.sum() - row.sum() // 100, row.sum() // 100)
        (tmp_path / f"{sample}.tab").write_text(lines(("N_unmapped", 9, 9, 9), of_no_gene, *table))
    for strand, warned in (("unstranded", False), ("reverse", False), ("forward", True)):
        sf.datasets.from_files(tmp_path, strand=strand)
        said = "more reads are of no gene than of genes in 3 of 3 samples: 'S1', 'S2', 'S3'. Is `strand` that"
        assert (said in capsys.readouterr().err) == warned, strand


def test_intervals_are_no_counts(tmp_path, counts):
    write(tmp_path, counts, "STAR ReadsPerGene")
    (tmp_path / "peaks.bed").write_text("chr1\t100\t200\nchr1\t300\t400\n")
    (tmp_path / "lengths.tsv").write_text("chr1\t248956422\nchr2\t242193529\n")
    assert sf.datasets.from_files(tmp_path).obs_names.tolist() == SAMPLES


def test_reads_of_no_gene_stand_beside(tmp_path, counts):
    unassigned = sf.datasets.from_files(write(tmp_path, counts, "HTSeq")).obsm["unassigned"]
    assert unassigned.index.tolist() == SAMPLES
    assert unassigned.loc["S2"].to_dict() == {
        "__no_feature": 7, "__ambiguous": 4, "__too_low_aQual": 0, "__not_aligned": 90, "__alignment_not_unique": 80,
    }  # fmt: skip


def test_htseq_with_symbols(tmp_path, counts):
    (tmp_path / "S1.txt").write_text(htseq_with_symbols(counts.loc["S1"]))
    adata = sf.datasets.from_files(tmp_path)
    assert adata.var["symbol"].tolist() == [f"NAME{i}" for i in range(N_GENES)]
    np.testing.assert_array_equal(adata.X[0], counts.loc["S1"])


def test_htseq_by_symbol_is_known_by_its_end(tmp_path, counts):
    symbols = counts.set_axis(shipped_vocabulary().table["symbol"][:N_GENES], axis=1)
    (tmp_path / "S1.counts.txt").write_text(htseq(symbols.loc["S1"]))
    assert sf.datasets.from_files(tmp_path).obs_names.tolist() == ["S1"]
    (tmp_path / "S1.counts.txt").write_text(lines(*symbols.loc["S1"].items()))
    with pytest.raises(ValueError, match="Found no output of STAR, HTSeq"):
        sf.datasets.from_files(tmp_path)


@pytest.mark.parametrize("one_each", [True, False])
def test_feature_counts_of_one_or_many_samples(tmp_path, counts, one_each):
    for i, part in enumerate([counts.iloc[[k]] for k in range(3)] if one_each else [counts]):
        (tmp_path / f"counts{i}.txt").write_text(feature_counts(part))
    (tmp_path / "counts0.txt.summary").write_text("Status\tbam/S1.bam\nAssigned\t9\n")
    adata = sf.datasets.from_files(tmp_path)
    assert adata.obs_names.tolist() == SAMPLES
    np.testing.assert_array_equal(adata.X, counts)
    np.testing.assert_array_equal(adata.var["length"], 60 + np.arange(N_GENES))
    sf.pp.to_scheme(adata, "tpm", lengths="length")
    np.testing.assert_allclose(adata.X.sum(axis=1), 1e6, rtol=1e-4)


def test_paths_may_be_given_and_genes_in_any_order(tmp_path, counts):
    write(tmp_path, counts.iloc[:2], "HTSeq")
    (tmp_path / "S3.tsv").write_text(htseq(counts.loc["S3"].iloc[::-1]))
    adata = sf.datasets.from_files([tmp_path / "S3.tsv", str(tmp_path / "S1.htseq.counts")])
    assert adata.obs_names.tolist() == ["S3", "S1"]
    np.testing.assert_array_equal(adata[:, counts.columns].X, counts.loc[["S3", "S1"]])
    np.testing.assert_array_equal(sf.datasets.from_files(tmp_path / "S3.tsv")[:, counts.columns].X, counts.loc[["S3"]])


@pytest.mark.parametrize("tool", LAYOUTS)
def test_the_cohort_can_be_looked_at_and_embedded(tmp_path, counts, tool):
    adata = sf.datasets.from_files(write(tmp_path, counts, tool))
    assert sf.pp.detect_scale(adata).name == ("linear" if tool in ("RSEM", "Salmon", "kallisto") else "counts")
    if tool in ("STAR ReadsPerGene", "Salmon"):
        sf.tl.specformer_embed(adata)
        assert np.isfinite(adata.obsm["X_specformer"]).all()


def test_transcripts_are_summed_to_genes(tmp_path, counts):
    pytest.importorskip("pytximport")
    # Two transcripts of every gene, one of which has a quarter of the reads and half the length.
    for sample, row in counts.iterrows():
        rows = [r for i, n in enumerate(row) for r in ((f"ENST{2 * i:011d}.3", 2000, 1800, 3 * n, 3 * n), (f"ENST{2 * i + 1:011d}.1", 1000, 900, 2 * n, n))]  # fmt: skip
        path = tmp_path / sample / "quant.sf"
        path.parent.mkdir()
        path.write_text(lines(["Name", "Length", "EffectiveLength", "TPM", "NumReads"], *rows))
    table = pd.DataFrame({"transcript_id": [f"ENST{i:011d}" for i in range(2 * N_GENES)], "gene_id": np.repeat(counts.columns, 2)})  # fmt: skip
    with pytest.raises(
        ValueError, match=r"files of Salmon hold transcripts \('ENST00000000000.3'.*transcript_table\(\)"
    ):
        sf.datasets.from_files(tmp_path)
    adata = sf.datasets.from_files(tmp_path, transcripts=table)
    assert adata.obs_names.tolist() == SAMPLES
    assert adata.obs["file"].tolist() == [str(tmp_path / sample / "quant.sf") for sample in SAMPLES]
    adata = adata[:, counts.columns]
    np.testing.assert_allclose(adata.X, 4 * counts)
    np.testing.assert_allclose(adata.layers["tpm"], 5 * counts)
    expressed = counts.to_numpy() > 0
    # Mean length, weighted by abundance.
    np.testing.assert_allclose(adata.layers["length"][expressed], (3 * 1800 + 2 * 900) / 5, rtol=1e-6)

    table.to_csv(tmp_path / "transcripts.csv", index=False)
    again = sf.datasets.from_files(tmp_path, transcripts=tmp_path / "transcripts.csv")
    np.testing.assert_array_equal(again[:, counts.columns].X, adata.X)
    with pytest.raises(ValueError, match="`transcripts` has no column 'gene_id'; found 'transcript_id', 'gene'"):
        sf.datasets.from_files(tmp_path, transcripts=table.set_axis(["transcript_id", "gene"], axis=1))


class TestErrors:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"There is no file '.*nosuch'"):
            sf.datasets.from_files(tmp_path / "nosuch")

    def test_nothing_of_use_in_a_folder(self, tmp_path):
        (tmp_path / "notes.txt").write_text("S1\ttumour\n")
        with pytest.raises(ValueError, match=r"Found no output of STAR.*among the 1 files in .*'notes\.txt'"):
            sf.datasets.from_files(tmp_path)

    def test_a_file_of_no_known_form(self, tmp_path, counts):
        write(tmp_path, counts, "HTSeq")
        (tmp_path / "notes.txt").write_text("S1\ttumour\n")
        with pytest.raises(ValueError, match=r"Found no known form of output: '.*notes\.txt'"):
            sf.datasets.from_files([tmp_path / "S1.htseq.counts", tmp_path / "notes.txt"])
        with pytest.raises(ValueError, match="an empty list of files"):
            sf.datasets.from_files([])

    def test_several_tools(self, tmp_path, counts):
        write(tmp_path, counts, "HTSeq")
        write(tmp_path, counts.iloc[:2], "RSEM")
        with pytest.raises(ValueError, match=r"several tools: .*2 of RSEM \(.*results\).*Pass the paths of one"):
            sf.datasets.from_files(tmp_path)

    def test_differing_genes(self, tmp_path, counts):
        write(tmp_path, counts.iloc[:2], "HTSeq")
        write(tmp_path, counts.iloc[2:, :-1], "HTSeq")
        with pytest.raises(
            ValueError,
            match=rf"S3.* has {N_GENES - 1} genes and .*S1.* has {N_GENES}; they differ in '{counts.columns[-1]}'",
        ):
            sf.datasets.from_files(tmp_path)

    def test_an_empty_file_among_others(self, tmp_path, counts):
        write(tmp_path, counts, "HTSeq")
        (tmp_path / "S9.htseq.counts").touch()
        (tmp_path / "done.flag").touch()
        with pytest.raises(ValueError, match=r"Empty: '.*S9\.htseq\.counts'\. Quantify"):
            sf.datasets.from_files(tmp_path)

    def test_two_files_of_one_sample(self, tmp_path, counts):
        for folder in ("a", "b"):
            write(tmp_path / folder, counts.iloc[:1], "STAR ReadsPerGene")
        with pytest.raises(
            ValueError, match=r"Several files are of a sample named 'S1': '.*a/S1.*', '.*b/S1.*\. Pass the paths"
        ):
            sf.datasets.from_files(tmp_path)

    def test_a_gene_twice(self, tmp_path, counts):
        (tmp_path / "S1.txt").write_text(htseq(pd.concat([counts.loc["S1"], counts.loc["S1"].iloc[:1]])))
        with pytest.raises(ValueError, match=r"S1\.txt has genes twice: 'ENSG"):
            sf.datasets.from_files(tmp_path)

    def test_an_unknown_strand(self, tmp_path):
        with pytest.raises(ValueError, match="`strand` is 'yes'; expected one of 'unstranded', 'forward', 'reverse'"):
            sf.datasets.from_files(tmp_path, strand="yes")

    def test_transcripts_without_pytximport(self, tmp_path, counts, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "pytximport", None)
        write(tmp_path, counts, "Salmon")
        with pytest.raises(ImportError, match=r'pip install "specformer\[transcripts\]"'):
            sf.datasets.from_files(tmp_path, transcripts=pd.DataFrame(columns=["transcript_id", "gene_id"]))
