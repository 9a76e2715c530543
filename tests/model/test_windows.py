from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specformer.model import take_windows, window_starts, window_view


@st.composite
def layouts(draw):
    size = draw(st.integers(1, 40))
    return draw(st.integers(1, 300)), size, draw(st.integers(1, size))


@settings(max_examples=200)
@given(layouts())
def test_windows_cover_every_rank_and_the_last_is_flush(layout):
    n_ranks, size, stride = layout
    starts = window_starts(n_ranks, size, stride)
    covered = np.unique(np.add.outer(starts, np.arange(size)))
    covered = covered[covered < n_ranks]
    assert covered.tolist() == list(range(n_ranks))
    assert starts[0] == 0
    assert starts[-1] == max(n_ranks - size, 0)
    steps = np.diff(starts)
    assert (steps[:-1] == stride).all()
    assert ((steps > 0) & (steps <= stride)).all()


def test_windows_of_the_published_size():
    starts = window_starts(10_000, 512, 256)
    assert len(starts) == 39
    assert starts[-2:].tolist() == [9_472, 9_488]


@pytest.mark.parametrize("layout", [(0, 4, 2), (10, 0, 1), (10, 4, 5), (10, 4, 0)])
def test_impossible_windows_are_refused(layout):
    with pytest.raises(ValueError, match=r"all must be positive, stride <= size"):
        window_starts(*layout)


@settings(max_examples=200)
@given(layouts())
def test_windows_taken_are_the_sequence_and_padding_is_masked(layout):
    n_ranks, size, stride = layout
    sequence = np.arange(2 * n_ranks).reshape(2, n_ranks) + 3
    starts = window_starts(n_ranks, size, stride)
    windows, is_real = take_windows(torch.as_tensor(sequence), starts, size=size, fill=0)
    assert windows.shape == (2, len(starts), size)
    if is_real is None:
        is_real = torch.ones(windows.shape, dtype=torch.bool)
    for i, start in enumerate(starts):
        for row in (0, 1):
            assert windows[row, i][is_real[row, i]].tolist() == sequence[row, start : start + size].tolist()
    assert (windows[~is_real] == 0).all()
    assert is_real.any(dim=-1).all()


def test_views_share_memory_with_the_sequence():
    array = np.arange(20, dtype=np.uint16).reshape(2, 10)
    view = window_view(array, 4)
    assert view.shape == (2, 7, 4)
    assert np.shares_memory(view, array)
    tensor = torch.arange(20).reshape(2, 10)
    view = window_view(tensor, 4)
    assert view.shape == (2, 7, 4)
    assert view.data_ptr() == tensor.data_ptr()
    assert view[1, 3].tolist() == [13, 14, 15, 16]
