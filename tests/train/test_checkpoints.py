from __future__ import annotations

import logging

import pytest

from specformer.train._checkpoints import SEAL, damage, newest_intact, rotate, seal, step_of


@pytest.fixture
def run(tmp_path):
    for step in (5, 10, 100):
        directory = tmp_path / f"checkpoint-{step}"
        (directory / "deep").mkdir(parents=True)
        (directory / "model.safetensors").write_bytes(bytes(range(200)))
        (directory / "deep" / "optimizer.pt").write_bytes(b"x" * step)
        seal(directory)
    (tmp_path / "checkpoint-best").mkdir()
    return tmp_path


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(bytes(content))


DAMAGES = {
    "unfinished": (lambda d: (d / SEAL).unlink(), "it was never finished"),
    "truncated": (lambda d: truncate(d / "deep" / "optimizer.pt"), "deep/optimizer.pt has 99 bytes instead of 100"),
    "one bit": (lambda d: flip(d / "model.safetensors"), "model.safetensors is damaged"),
    "missing": (lambda d: (d / "model.safetensors").unlink(), "model.safetensors is missing"),
    "seal": (lambda d: truncate(d / SEAL), "cannot be read"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_and_said(run, kind, caplog):
    assert newest_intact(run).name == "checkpoint-100"
    harm, what = DAMAGES[kind]
    harm(run / "checkpoint-100")
    assert what in damage(run / "checkpoint-100")
    with caplog.at_level(logging.WARNING, logger="specformer"):
        assert newest_intact(run).name == "checkpoint-10"
    assert "checkpoint-100 is passed over" in caplog.text
    assert what in caplog.text


def test_with_none_intact_a_run_starts_anew(run, tmp_path):
    for step in (5, 10, 100):
        (run / f"checkpoint-{step}" / SEAL).unlink()
    assert newest_intact(run) is None
    assert newest_intact(tmp_path / "nowhere") is None


def test_the_oldest_go_first_and_two_always_stay(run):
    rotate(run, None)
    assert len(list(run.glob("checkpoint-*"))) == 4
    rotate(run, 1, keep=run / "checkpoint-5")
    assert sorted(p.name for p in run.glob("checkpoint-[0-9]*")) == ["checkpoint-10", "checkpoint-100", "checkpoint-5"]
    rotate(run, 1)
    assert sorted(p.name for p in run.glob("checkpoint-[0-9]*")) == ["checkpoint-10", "checkpoint-100"]


def test_step_of(run):
    assert step_of(run / "checkpoint-100") == 100
    assert step_of(run / "checkpoint-best") == -1
