"""The loss of a survival head: Cox's partial likelihood, ties by Efron, strata apart."""

from __future__ import annotations

import torch


def cox_loss(
    log_hazard: torch.Tensor, event: torch.Tensor, time: torch.Tensor, *, strata: torch.Tensor | None = None
) -> torch.Tensor:
    r"""Negative log partial likelihood per event.

    With the :math:`d` events :math:`D` at one time and all :math:`R` still at risk then, each such time adds

    .. math:: \sum_{i \in D} \eta_i - \sum_{l=0}^{d-1} \log\Bigl(\sum_{j \in R} e^{\eta_j} - \frac{l}{d}
              \sum_{j \in D} e^{\eta_j}\Bigr).

    Parameters
    ----------
    log_hazard
        :math:`\eta`, (n,); its dtype is that of the result.
    event
        True where the event was seen, bool (n,).
    time
        Time to event or censoring, (n,), any unit.
    strata
        int (n,): samples of one stratum are at risk together, and no others. None is one stratum.

    Returns
    -------
    A scalar; zero where there is no event.

    References
    ----------
    Cox (1972). Regression models and life-tables. Efron (1977). The efficiency of Cox's likelihood function.
    """
    event = event.bool()
    groups = [torch.arange(len(time), device=time.device)]
    if strata is not None:
        groups = [torch.nonzero(strata == stratum).squeeze(1) for stratum in strata.unique()]
    total = log_hazard.new_zeros(())
    for rows in groups:
        if event[rows].any():
            total = total + _one_stratum(log_hazard[rows], event[rows], time[rows])
    return total / event.sum().clamp(min=1)


def _one_stratum(eta: torch.Tensor, event: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    order = torch.argsort(time, descending=True, stable=True)
    eta, event = eta[order], event[order]
    _, at, size = torch.unique_consecutive(time[order], return_inverse=True, return_counts=True)
    # Whoever stands at or before the last sample of a time is at risk then.
    log_risk = eta.logcumsumexp(dim=0)[size.cumsum(dim=0) - 1]
    dying, at = eta[event], at[event]
    n_dying = torch.bincount(at, minlength=len(size))
    top = torch.full_like(log_risk, -torch.inf).scatter_reduce(0, at, dying.detach(), "amax")
    sums = torch.zeros_like(log_risk).index_add(0, at, (dying - top[at]).exp())
    # The l-th of d tied events, l from 0: `at` is sorted, so a running count less where the time began.
    nth = torch.arange(len(at), device=at.device) - (n_dying.cumsum(dim=0) - n_dying)[at]
    share = (nth / n_dying[at]).to(eta.dtype)
    log_dying = top[at] + sums[at].log()
    return (log_risk[at] + torch.log1p(-share * (log_dying - log_risk[at]).exp()) - dying).sum()
