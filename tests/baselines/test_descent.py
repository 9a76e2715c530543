from __future__ import annotations

from itertools import islice
from time import process_time

import pytest

from specformer.baselines._descent import spent


def test_steps_are_counted_from_nothing_to_all():
    assert list(spent(4, None)) == [0, 0.25, 0.5, 0.75]


def test_time_ends_it_and_even_the_shortest_is_one_step():
    start, shares = process_time(), []
    for share in spent(None, 0.3 / 60):
        shares.append(share)
        sum(range(10_000))
    assert 0.3 <= process_time() - start < 1
    assert shares == sorted(shares)
    assert len(list(spent(None, 1e-12))) == 1


def test_whichever_ends_first():
    assert len(list(spent(3, 60))) == 3
    assert len(list(islice(spent(10**9, 1e-12), 5))) == 1


@pytest.mark.parametrize(("steps", "minutes"), [(None, None), (0, None), (-1, None), (5, -1.0)])
def test_no_budget_is_refused(steps, minutes):
    with pytest.raises(ValueError, match="at least one"):
        next(spent(steps, minutes))
