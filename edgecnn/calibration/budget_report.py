"""What is said and saved of a search for a form within a budget."""

from __future__ import annotations

from pathlib import Path

from edgecnn.calibration.budget import Budget
from edgecnn.calibration.frontier import write_frontier
from edgecnn.calibration.outcome import Outcome, points_lost
from edgecnn.calibration.plan import Plan
from edgecnn.calibration.settle import Settled
from edgecnn.errors import EdgeCNNError

__all__ = ["require_form", "require_outcome", "write_points"]


def require_form(plan: Plan, settled: Settled, *, layers: int) -> None:
    """Go on only with a form that keeps to the budget; the frontier is saved either way.

    Parameters
    ----------
    layers : int
        How many there are.

    Raises
    ------
    EdgeCNNError
        None does; says how close the best one comes.
    """
    if settled.chosen is None or settled.chosen.fits:
        return
    if plan.frontier is not None:
        write_points(plan.frontier, plan.source, settled, plan.budget, plan.unit)
    raise _no_form(plan, settled, layers=layers)


def require_outcome(plan: Plan, settled: Settled, outcome: Outcome, *, layers: int) -> None:
    """Go on only if what was measured on other data keeps to the budget, too.

    Raises
    ------
    EdgeCNNError
        It does not.
    """
    if plan.budget and not plan.budget.admits(outcome):
        raise _no_form(plan, settled, layers=layers, then=outcome)


def _no_form(
    plan: Plan, settled: Settled, *, layers: int, then: Outcome | None = None
) -> EdgeCNNError:
    source, budget, unit = plan.source, plan.budget, plan.unit
    best = settled.chosen
    assert best is not None
    form = best.text(of=layers)
    found = _lost(budget, best.drop, best.agreement, unit)
    if then is not None:
        there = _lost(budget, points_lost(then), then.agreement, unit)
        return EdgeCNNError(
            f"{source.name}: within the budget ({budget.text(unit)}) where it was chosen ({form}: "
            f"{found}), but not on {then.on}: {there}",
            hint="choose on more data (--select), or allow more",
        )
    speed = "" if best.speedup is None else f", {best.speedup:.2f}x the speed of FP32"
    cures = {
        "8 bits": "try another --method, or keep the FP32 file",
        "4 bits": "take smaller blocks (--block), or 8 bits (--bits 8)",
        "FP16": "or run the FP32 file",
    }
    return EdgeCNNError(
        f"no form of {source.name} in {best.rest} keeps to the budget ({budget.text(unit)}): best "
        f"of {len(settled.points)} tried, {form}: {found}{speed}",
        hint=f"allow more, {cures[best.rest]}",
    )


def write_points(
    path: Path, source: Path, settled: Settled, budget: Budget, unit: str
) -> tuple[str, ...]:
    """Save the frontier; what could not be done comes back as remarks."""
    by_drop = budget.max_drop is not None
    limit = budget.max_drop if budget.max_drop is not None else 100 * (1 - _least(budget))
    return write_frontier(
        path,
        settled.points,
        title=f"{source.name}: {budget.text(unit)}",
        unit=unit if by_drop else "% other answers",
        limit=limit,
    )


def _least(budget: Budget) -> float:
    assert budget.min_agreement is not None
    return budget.min_agreement


def _lost(budget: Budget, drop: float | None, agreement: float, unit: str) -> str:
    parts = []
    if budget.max_drop is not None and drop is not None:
        parts.append(f"{drop:.4g} {unit} lost")
    if budget.min_agreement is not None:
        parts.append(f"{agreement:.2%} same answers")
    return ", ".join(parts)
