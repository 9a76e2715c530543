"""A few hundred random files for each reader; `make fuzz` breeds a hundred thousand (see docs/reliability.md)."""

from __future__ import annotations

import importlib.util
import json
import resource
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import specformer as sf
from specformer.genes import GeneVocabulary

ROOT = Path(__file__).parents[2]
verbosity = sf.settings.verbosity
spec = importlib.util.spec_from_file_location("fuzz_targets", ROOT / "fuzz" / "targets.py")
targets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(targets)
sf.settings.verbosity = verbosity


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return targets.Targets(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", targets.NAMES)
def test_a_spoiled_file_is_read_or_refused(readers, name):
    outcomes = set()

    @settings(max_examples=300)
    @given(st.binary(max_size=200))
    def attempts(data):
        outcomes.add(targets.attempt(getattr(readers, name), data))

    attempts()
    assert outcomes == {"read", "refused"}, "the random files get both past and not past the reader"


def test_what_is_no_refusal_of_the_package_would_be_found():
    def breaks(_):
        raise IndexError

    def refused_by_another(_):
        json.loads("{")

    with pytest.raises(IndexError):
        targets.attempt(breaks, b"")
    with pytest.raises(AssertionError, match="is no refusal of the package"):
        targets.attempt(refused_by_another, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize(
    "entries",
    [
        {"hidden_size": 2**30, "num_attention_heads": 2**15},
        {"num_hidden_layers": 2**30},
        {"intermediate_size": 2**30},
        {"window_size": 2**30},
        {"n_anchor": 2**30},
        {"vocab_size": 2**30},
    ],
)
def test_a_config_that_promises_terabytes_costs_no_memory(tmp_path, entries):
    source = ROOT / "tests" / "data" / "checkpoint_format_1" / "anchored"
    for name in ("config.json", "genes.csv", "model.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | entries))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"config\.json|genes\.csv"):
        sf.model.load(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("length", [2**20, 2**33, 2**62, 2**64 - 1])
def test_a_header_that_lies_about_its_length_costs_no_memory(tmp_path, length):
    file = tmp_path / "model.safetensors"
    save_file({"a": targets.Head("regression", ["x"], 3).mean}, file)
    file.write_bytes(struct.pack("<Q", length) + file.read_bytes()[8:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read .*truncated or damaged"):
        targets.stored_shapes(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_gene_table_beyond_any_size_is_refused_unread(tmp_path):
    file = tmp_path / "genes.csv"
    with file.open("wb") as opened:
        opened.truncate(2**40)  # a hole, which takes no room on the disk
    with pytest.raises(ValueError, match="has 1,099,511,627,776 bytes; a gene table has at most"):
        GeneVocabulary.read(file)


@settings(max_examples=300)
@given(values=st.lists(st.floats(width=32), min_size=6, max_size=24), n_rows=st.integers(1, 3))
def test_any_number_has_a_scale_or_is_refused(values, n_rows):
    X = np.array(values[: len(values) // n_rows * n_rows], np.float32).reshape(n_rows, -1)
    if not np.isfinite(X).all():
        with pytest.raises(ValueError, match="Found NaN or infinite values"):
            sf.ranking.detect_scale(X)
        return
    with np.errstate(all="ignore"):
        assert sf.ranking.detect_scale(X).name in sf.ranking.SCALES
