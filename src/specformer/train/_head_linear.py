"""Linear heads: convex, so there is one solution; the penalty is chosen over folds of training patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from specformer._logging import logger
from specformer.model import cox_loss

if TYPE_CHECKING:
    from collections.abc import Callable

# Per sample (per event in survival), on standardised vectors and targets; from the strongest.
PENALTIES = {
    "classification": np.logspace(-1, -4.5, 8),
    "regression": np.logspace(1, -4, 11),
    "survival": np.logspace(1, -2, 7),
}
N_STEPS = 100
# Largest gradient that is taken for none: in the head itself, and where penalties are only compared.
FINE, COARSE = 1e-7, 1e-4


class LinearMap(NamedTuple):
    """`x @ weight.T + bias`."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.T + self.bias


class Problem(NamedTuple):
    """What a head is to be fitted to: vectors, and what the task's loss takes."""

    task: str
    x: torch.Tensor
    """float64 (n, n_in), or (n, n_windows, n_in)."""
    y: dict[str, torch.Tensor]
    n_out: int
    class_weight: torch.Tensor | None = None

    def at(self, rows: torch.Tensor) -> Problem:
        """Some of the samples."""
        return self._replace(x=self.x[rows], y={name: value[rows] for name, value in self.y.items()})

    def single(self) -> Problem:
        """In float32."""
        y = {name: value.float() if value.is_floating_point() else value for name, value in self.y.items()}
        weight = None if self.class_weight is None else self.class_weight.float()
        return self._replace(x=self.x.float(), y=y, class_weight=weight)

    def loss(self, output: torch.Tensor) -> torch.Tensor:
        """The task's loss of raw outputs (n, n_out)."""
        if self.task == "classification":
            return torch.nn.functional.cross_entropy(output, self.y["label"], weight=self.class_weight)
        if self.task == "regression":
            return torch.nn.functional.mse_loss(output, self.y["value"])
        return cox_loss(output[:, 0], self.y["event"], self.y["time"], strata=self.y.get("stratum"))


class Fit(NamedTuple):
    """The map, its penalty, and what maps fitted without a sample's fold say of it."""

    map: LinearMap
    penalty: float
    held_out: torch.Tensor | None
    """Raw outputs (n, n_out), of a classification."""


def fit_linear_map(problem: Problem, fold: np.ndarray, penalty: float | None) -> Fit:
    """The map with the least penalised loss; where `penalty` is None, it is the best of several over `fold`."""
    path = _ridge_path if problem.task == "regression" else _descent_path
    penalties = PENALTIES[problem.task] if penalty is None else np.array([penalty])
    losses, best = np.zeros(len(penalties)), 0
    held_out = [problem.x.new_zeros(len(fold), problem.n_out) for _ in penalties if problem.task == "classification"]
    if len(penalties) > 1 or held_out:
        for one in np.unique(fold):
            inside, outside = (torch.from_numpy(rows) for rows in (fold != one, fold == one))
            if not _can_be_fitted(problem.at(inside)):
                continue
            maps = path(problem.at(inside), penalties, COARSE)
            losses += [_held_out_loss(problem, fitted, inside, outside) for fitted in maps]
            for raw, fitted in zip(held_out, maps, strict=False):
                raw[outside] = fitted(problem.x[outside])
        best = int(np.argmin(losses))
        logger.debug("penalties %s: losses %s", penalties, losses)
    # Down the same path, so that the start is the same.
    fitted = path(problem, penalties[: best + 1], FINE)[-1]
    return Fit(fitted, float(penalties[best]), held_out[best] if held_out else None)


def _can_be_fitted(problem: Problem) -> bool:
    return len(problem.x) > 1 and ("event" not in problem.y or bool(problem.y["event"].any()))


def _held_out_loss(problem: Problem, fitted: LinearMap, inside: torch.Tensor, outside: torch.Tensor) -> float:
    if problem.task == "survival":
        # The likelihood of everybody less that of those inside (Verweij & van Houwelingen 1993): small folds alone
        # would have hardly anyone at risk.
        whole, part = problem, problem.at(inside)
        totals = [float(p.loss(fitted(p.x)) * p.y["event"].sum()) for p in (whole, part)]
        return totals[0] - totals[1]
    held_out = problem.at(outside)
    return float(held_out.loss(fitted(held_out.x))) * len(held_out.x)


def _ridge_path(problem: Problem, penalties: np.ndarray, _: float) -> list[LinearMap]:
    centre, level = problem.x.mean(dim=0), problem.y["value"].mean(dim=0)
    x, y = problem.x - centre, problem.y["value"] - level
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    projected = axes.T @ (x.T @ y / len(x))
    maps = []
    for penalty in penalties:
        weight = (axes @ (projected / (variance.clamp(min=0) + penalty)[:, None])).T
        maps.append(LinearMap(weight, level - weight @ centre))
    return maps


def _descent_path(problem: Problem, penalties: np.ndarray, tolerance: float) -> list[LinearMap]:
    weight = torch.zeros(problem.n_out, problem.x.shape[1], dtype=problem.x.dtype, requires_grad=True)
    bias = torch.zeros(problem.n_out, dtype=problem.x.dtype, requires_grad=problem.task != "survival")
    maps = []
    for penalty in penalties:
        # On the way to the last penalty a rough solution will do.
        stop = tolerance if penalty == penalties[-1] else COARSE
        _descend(
            [p for p in (weight, bias) if p.requires_grad], _objective(problem, weight, bias, float(penalty)), stop
        )
        maps.append(LinearMap(weight.detach().clone(), bias.detach().clone()))
    return maps


def _objective(
    problem: Problem, weight: torch.Tensor, bias: torch.Tensor, penalty: float
) -> Callable[[], torch.Tensor]:
    return lambda: problem.loss(problem.x @ weight.T + bias) + penalty / 2 * weight.square().sum()


def _descend(parameters: list[torch.Tensor], objective: Callable[[], torch.Tensor], tolerance: float) -> None:
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=N_STEPS, tolerance_grad=tolerance, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    optimizer.step(closure)
