"""Damaged, foreign and tampered checkpoints; more of them one by one in tests/model/test_checkpoint.py."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest

import specformer as sf

DATA = Path(__file__).parents[1] / "data" / "checkpoint_format_1"


@pytest.fixture
def checkpoint(tmp_path):
    return Path(shutil.copytree(DATA / "anchored", tmp_path / "checkpoint"))


@pytest.mark.parametrize("name", ["model.safetensors", "genes.csv"])
def test_every_flipped_bit_is_noticed(checkpoint, name):
    whole, draw = (checkpoint / name).read_bytes(), random.Random(0)
    places = [0, 7, 8, 9, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(35))]
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << draw.randrange(8)
        (checkpoint / name).write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(name)):
            sf.model.load(checkpoint)
    (checkpoint / name).write_bytes(whole)
    sf.model.load(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "genes.csv", "config.json"])
def test_every_truncation_is_noticed(checkpoint, name):
    whole = (checkpoint / name).read_bytes()
    for n_bytes in {0, 1, 8, 100, len(whole) // 2, len(whole) - 2}:
        (checkpoint / name).write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"model\.safetensors|genes\.csv|config\.json"):
            sf.model.load(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "genes.csv", "config.json"])
def test_a_missing_file_is_named(checkpoint, name):
    (checkpoint / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"is no checkpoint: it lacks '{name}'"):
        sf.model.load(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_of_another_checkpoint_is_noticed(checkpoint, name):
    shutil.copy(DATA / "published" / name, checkpoint / name)
    with pytest.raises(
        ValueError, match=r"model\.safetensors has SHA-256 .* but its config\.json says .* Copy or download"
    ):
        sf.model.load(checkpoint)


def test_statistics_that_were_tampered_with_are_noticed(checkpoint):
    """A gene's scale decides its place in every sample: another one would give other vectors without a word."""
    lines = (checkpoint / "genes.csv").read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[4], "123.0", 1)
    (checkpoint / "genes.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"genes\.csv has SHA-256 .* truncated, damaged or from another checkpoint"):
        sf.model.load(checkpoint)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"checkpoint_format": 99}, r"cannot read it \(its format is 99, .*pip install --upgrade specformer"),
        ({"checkpoint_format": "new"}, "`checkpoint_format` is 'new'; expected an integer of at least 1"),
        ({"checkpoint_format": 0}, "`checkpoint_format` is '0'"),
        ({"specformer_version": "2.0"}, "made by specformer 2.0; installed is"),
    ],
)
def test_a_format_of_the_future_is_refused_with_the_cure(checkpoint, entries, message):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | entries))
    with pytest.raises(ValueError, match=message):
        sf.model.load(checkpoint)


def test_a_head_with_other_weights_is_noticed(checkpoint):
    shutil.copy(DATA / "published" / "heads" / "letter" / "model.safetensors", checkpoint / "heads" / "letter")
    with pytest.raises(ValueError, match=r"not the file that its config\.json describes: truncated or damaged"):
        sf.model.load_head("letter", checkpoint)


def test_names_that_lead_out_of_a_folder_lead_nowhere(checkpoint):
    for name in ("../published", "..", "letter/../../heads/letter2"):
        with pytest.raises(FileNotFoundError):
            sf.model.load_head(name, checkpoint)
