from __future__ import annotations

import pandas as pd

from specformer import bench


def row(name, metric, value, difference=None):
    low, high = (float("nan"), float("nan")) if difference is None else difference
    return {
        "axis": "depth", "cohort": "panel", "condition": "1M reads", "metric": metric, "representation": name,
        "value": value, "low": value - 0.1, "high": value + 0.1, "n": 1234, "reference": "" if difference is None else "old",
        "difference": (low + high) / 2, "difference_low": low, "difference_high": high,
    }  # fmt: skip


def test_better_is_bold_worse_is_struck_through_and_in_between_is_plain():
    text = bench.markdown(
        pd.DataFrame(
            [
                row("old", "accuracy", 0.5),
                row("up", "accuracy", 0.7, (0.1, 0.3)),
                row("down", "accuracy", 0.3, (-0.3, -0.1)),
                row("same", "accuracy", 0.5, (-0.1, 0.1)),
            ]
        )
    )
    line = next(line for line in text.splitlines() if line.startswith("| 1M reads"))
    assert line == (
        "| 1M reads: accuracy | 1,234 | 0.500 [0.400, 0.600] | **0.700 [0.600, 0.800]** | "
        "~~0.300 [0.200, 0.400]~~ | 0.500 [0.400, 0.600] |"
    )
    assert "than old" in text


def test_fewer_flips_are_better_and_rank_is_no_merit():
    text = bench.markdown(
        pd.DataFrame(
            [
                row("old", "label flips", 0.5),
                row("few", "label flips", 0.3, (-0.3, -0.1)),
                row("old", "effective rank", 5),
                row("few", "effective rank", 9, (3, 5)),
            ]
        )
    )
    assert "**0.300 [0.200, 0.400]**" in text
    assert "| 9.0 [8.9, 9.1] |" in text
