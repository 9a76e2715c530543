"""Processes that are killed (SIGKILL) while they write, at random instants. Pretraining: tests/train/test_resume.py."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("fault", ["kill_save", "kill_head", "kill_h5ad"])
def test_a_process_killed_while_it_writes_leaves_the_old_or_the_new_whole(faults, fault):
    found = faults(fault)
    assert found["kills"] >= 25
    assert found["in_the_middle"] >= 5, "some of them hit a half-written one"
    assert set(found["found"]) <= {0, 1}


def test_ranks_of_a_killed_process_are_made_again(faults):
    found = faults("kill_ranks")
    assert found["right"] == found["of"] == 8
    assert found["unfinished"] >= 2


def test_a_killed_download_is_not_taken_for_whole(faults):
    found = faults("kill_download")
    assert found["kills"] == 8
    assert found["in_the_middle"] >= 2
