from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest

import specformer as sf


@pytest.fixture(autouse=True)
def _without_a_screen():
    mpl.use("agg")


@pytest.fixture
def run(tmp_path):
    history = [{"step": step, "loss": 9 - step / 10, "top1": step / 100, "epoch": 1.0} for step in (10, 20, 30)]
    history.append({"step": 30, "eval_loss": 6.5, "eval_top1": 0.2, "epoch": 1.0})
    for name, n in (("checkpoint-10", 1), ("checkpoint-30", 4)):
        (tmp_path / name).mkdir()
        state = {"global_step": int(name[11:]), "log_history": history[:n]}
        (tmp_path / name / "trainer_state.json").write_text(json.dumps(state))
    return tmp_path


def test_the_newest_state_is_drawn(run):
    ax = sf.pl.training(run)
    training, validation = ax.get_lines()
    np.testing.assert_allclose(training.get_xydata(), [[10, 8], [20, 7], [30, 6]])
    np.testing.assert_allclose(validation.get_xydata(), [[30, 6.5]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


def test_another_figure_of_one_checkpoint_in_given_axes(run):
    import matplotlib.pyplot as plt

    ax = plt.figure().subplots()
    assert sf.pl.training(run / "checkpoint-10", figure="top1", ax=ax) is ax
    [line] = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[10, 0.1]])
    assert sf.pl.training(run / "checkpoint-30" / "trainer_state.json").get_lines()


def test_what_is_not_there(run, tmp_path):
    with pytest.raises(KeyError, match=r"has not logged 'accuracy'\. It has logged: 'loss', 'top1'"):
        sf.pl.training(run, figure="accuracy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no pretraining has run there"):
        sf.pl.training(tmp_path / "empty")
