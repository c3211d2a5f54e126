"""Settle on a form: the fastest, then the one that keeps to the budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.blocks import slow_blocks
from edgecnn.calibration.budget import Budget, search_forms
from edgecnn.calibration.candidates import Candidates, Judge
from edgecnn.calibration.fastest import fastest_form
from edgecnn.calibration.forms import Forms, StaticForms
from edgecnn.calibration.frontier import Point
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.sensitivity import rank_layers
from edgecnn.errors import ModelError, UsageError
from edgecnn.runtime.session import Model

__all__ = ["BLOCKS", "Settled", "leave_blocks", "settle"]

#: Names of blocks as they are asked for.
BLOCKS = {
    "first-conv": "first convolution",
    "depthwise": "depthwise convolutions",
    "squeeze-excite": "squeeze-and-excitation",
    "gates": "gates",
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settled:
    """A form, and how it was come to.

    Attributes
    ----------
    graph : onnx.ModelProto
    left : tuple of str
        Blocks that are left in FP32 because that is faster, as in :data:`BLOCKS`.
    bias_corrected : bool
    points : tuple of Point
        Forms that were measured for the budget; empty without one.
    chosen : Point or None
        The one of them that was taken, or that came closest.
    kept : tuple of str
        The layers that it was made with more digits for.
    """

    graph: onnx.ModelProto
    left: tuple[str, ...] = ()
    bias_corrected: bool = False
    points: tuple[Point, ...] = ()
    chosen: Point | None = None
    kept: tuple[str, ...] = ()


def leave_blocks(
    forms: StaticForms, leave: Sequence[str] | None, candidates: Candidates, tell: Progress
) -> tuple[StaticForms, tuple[str, ...]]:
    """Leave blocks in FP32: those asked for, or those without which the rest is faster.

    Parameters
    ----------
    leave : sequence of str or None
        Keys of :data:`BLOCKS`; None finds out by timing.

    Returns
    -------
    forms : StaticForms
    left : tuple of str
        Which blocks.

    Raises
    ------
    UsageError
        No such block.
    """
    found = slow_blocks(forms.prepared)
    blocks = {key: found[name] for key, name in BLOCKS.items() if name in found}
    if leave is not None:
        unknown = [name for name in leave if name not in BLOCKS]
        if unknown:
            raise UsageError(f"no such block: {unknown[0]}", hint=f"one of {', '.join(BLOCKS)}")
        left = tuple(name for name in leave if name in blocks)
        return _leaving(forms, blocks, left), left
    if not blocks:
        return forms, ()
    opened: dict[tuple[str, ...], Model | None] = {}

    def model_of(left: tuple[str, ...]) -> Model | None:
        key = tuple(sorted(left))
        if key not in opened:
            try:
                opened[key] = candidates.open(_leaving(forms, blocks, left).make())
            except ModelError:
                # Nothing would be left to quantize.
                opened[key] = None
        return opened[key]

    def race(now: tuple[str, ...], then: tuple[str, ...]) -> Comparison | None:
        one, other = model_of(now), model_of(then)
        return None if one is None or other is None else candidates.race(one, other)

    total = len(blocks) + 1

    def tried(number: int) -> None:
        tell("choosing", number, max(total, number + 1))

    leaner = fastest_form(blocks, race, progress=tried)
    tell("choosing", max(total, leaner.tried), max(total, leaner.tried))
    return _leaving(forms, blocks, leaner.left), leaner.left


def _leaving(
    forms: StaticForms, blocks: Mapping[str, tuple[str, ...]], left: Sequence[str]
) -> StaticForms:
    return forms.without([name for block in left for name in blocks[block]])


def settle(
    forms: Forms,
    candidates: Candidates,
    budget: Budget,
    judge: Judge,
    *,
    correct: Callable[[], Mapping[str, NDArray[np.float32]]] | None,
    corrected: bool = False,
    run: Callable[[Model], NDArray[np.float32]],
    tell: Progress,
) -> Settled:
    """Find the form that keeps to a budget with the fewest layers in FP32.

    Parameters
    ----------
    forms : Forms
    candidates : Candidates
    budget : Budget
        An empty one takes the form as it is.
    judge : callable
        Measures a model on the data that is chosen on.
    correct : callable or None
        Measures the corrections of biases, to be tried for the budget; None where there are none
        to make, or none are wanted.
    corrected : bool
        Whether the forms have them already.
    run : callable
        Runs a model on the inputs that layers are ranked by.
    """
    corrections: Mapping[str, NDArray[np.float32]] = {}

    def with_corrections() -> Forms:
        nonlocal corrections
        assert correct is not None
        assert isinstance(forms, StaticForms)
        if not corrections:
            corrections = correct()
        return replace(forms, corrections=corrections)

    bias = corrected
    if corrected:
        correct = None
    if not budget:
        return Settled(forms.make(), bias_corrected=bias)
    graphs: list[tuple[onnx.ModelProto, tuple[str, ...]]] = []
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        tell("searching", steps, steps + 1)

    def measure(kept: tuple[str, ...], *, corrected: bool) -> Point:
        graph = (with_corrections() if corrected else forms).make(kept)
        graphs.append((graph, kept))
        model = candidates.open(graph)
        outcome = judge(model)
        step()
        return candidates.point(
            model,
            outcome,
            forms=forms,
            kept=kept,
            size_bytes=forms.size_of(graph, kept),
            bias_corrected=bias or corrected,
            fits=budget.admits(outcome),
        )

    def rank(correction: bool) -> tuple[str, ...]:  # noqa: FBT001 - as search_forms calls it
        reference = run(candidates.fp32)

        def ranked(done: int, total: int) -> None:
            tell("ranking layers", done, total)

        found = rank_layers(
            with_corrections() if correction else forms,
            lambda graph: run(candidates.open(graph)),
            reference,
            progress=ranked,
        )
        return tuple(one.layer for one in found)

    found = search_forms(measure, budget, rank, correctable=correct is not None)
    tell("searching", steps, steps)
    best = found.best
    graph, kept = graphs[found.points.index(best)]
    return Settled(
        graph,
        bias_corrected=best.bias_corrected,
        points=found.points,
        chosen=best,
        kept=kept,
    )
