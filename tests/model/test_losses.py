from __future__ import annotations

import numpy as np
import pytest
import torch
from sksurv.linear_model.coxph import CoxPHOptimizer

from specformer.model import cox_loss


def draw(rng, n=200, n_times=15):
    """Log hazards with many ties in time."""
    X = rng.standard_normal((n, 3))
    return X, rng.random(n) < 0.6, rng.integers(1, n_times, n).astype(float)


def by_definition(eta, event, time):
    """Efron's likelihood, one event time after another, as it is written."""
    total = 0.0
    for t in np.unique(time[event]):
        dying, risk = np.exp(eta[event & (time == t)]), np.exp(eta[time >= t]).sum()
        d = len(dying)
        total -= np.log(dying).sum() - sum(np.log(risk - k / d * dying.sum()) for k in range(d))
    return total


@pytest.mark.parametrize("n_times", [2, 15, 100_000])
def test_cox_loss_is_scikit_survivals(n_times):
    rng = np.random.default_rng(n_times)
    X, event, time = draw(rng, n_times=n_times)
    w = rng.standard_normal(3)
    expected = CoxPHOptimizer(X, event, time, alpha=np.zeros(3), ties="efron").nlog_likelihood(w) * len(X)
    found = cox_loss(*(torch.from_numpy(x) for x in (X @ w, event, time))) * event.sum()
    assert found.item() == pytest.approx(expected, rel=1e-9)
    assert found.item() == pytest.approx(by_definition(X @ w, event, time), rel=1e-9)


def test_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    X, event, time = draw(rng, n=30, n_times=6)
    eta = torch.from_numpy(X[:, 0]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: cox_loss(x, torch.from_numpy(event), torch.from_numpy(time)), (eta,))


def test_strata_are_at_risk_apart():
    rng = np.random.default_rng(1)
    X, event, time = draw(rng)
    strata = rng.integers(0, 3, len(X))
    eta = X[:, 0]
    expected = sum(by_definition(eta[strata == s], event[strata == s], time[strata == s]) for s in range(3))
    tensors = [torch.from_numpy(x) for x in (eta, event, time)]
    found = cox_loss(*tensors, strata=torch.from_numpy(strata)) * event.sum()
    assert found.item() == pytest.approx(expected, rel=1e-9)
    shifted = torch.from_numpy(eta + 5.0 * strata)
    assert cox_loss(shifted, *tensors[1:], strata=torch.from_numpy(strata)).item() == pytest.approx(
        found.item() / event.sum(), rel=1e-9
    )


def test_extreme_hazards_stay_finite():
    eta = torch.tensor([900.0, -900.0, 0.0, 1.0], requires_grad=True)
    loss = cox_loss(eta, torch.tensor([True, True, False, True]), torch.tensor([3.0, 1.0, 2.0, 2.0]))
    loss.backward()
    assert loss.isfinite()
    assert eta.grad.isfinite().all()


def test_without_an_event_there_is_nothing_to_lose():
    assert cox_loss(torch.ones(3), torch.zeros(3, dtype=torch.bool), torch.arange(3.0)).item() == 0
