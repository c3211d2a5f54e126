"""Golden vectors: raw inputs with their logits, by which a device checks itself.

A good golden vector is one whose label cannot flip but by a real fault, so the drawings with the
widest margin between first and second class are taken, and several labels among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.export.drawings import draw_examples
from edgecnn.metadata import (
    GOLDEN_LIMIT_BYTES,
    Golden,
    GoldenExample,
    ModelMetadata,
    encode,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.golden import answer_rows, golden_inputs

__all__ = ["FP16_DRIFT", "FP32_DRIFT", "INT8_DRIFT", "make_golden", "without_golden"]

Run = Callable[[Tensors], NDArray[np.float32]]

#: Drift that a provider may show, as a share of the largest logit. FP32 on another CPU sums in
#: another order; CUDA's convolutions use TF32, with a 10-bit mantissa.
FP32_DRIFT = {"cpu": 1e-3, "cuda": 2e-2}

#: FP16 has 11 significant bits. x86 computes it in FP32; ARM and GPUs round after every node.
FP16_DRIFT = {"cpu": 2e-2, "cuda": 2e-2}

#: INT8 drifts by whole steps: other CPUs round and fuse in other places.
INT8_DRIFT = {"cpu": 5e-2, "cuda": 5e-2}

#: A label flips when two logits move towards each other by the whole margin between them.
_MARGIN_PER_DRIFT = 2.0

_EXAMPLES = 6
_CANDIDATES = 40


def make_golden(
    metadata: ModelMetadata,
    run: Run,
    *,
    drift: Mapping[str, float] = FP32_DRIFT,
    seed: int = 0,
) -> Golden | None:
    """Draw candidates, run them, keep those whose answers stand out.

    Parameters
    ----------
    metadata : ModelMetadata
    run : callable
        Runs the very file that is to carry them: inputs by name to logits.
    drift : mapping of str to float
        Tolerance by provider, as a share of the largest logit seen.
    seed : int

    Returns
    -------
    Golden or None
        None when no candidate's label is safe from drift within tolerance: a network that does not
        tell its inputs apart has nothing that could be checked by labels.
    """
    spec = metadata.input
    candidates = draw_examples(metadata, _CANDIDATES, seed=seed)

    def rows_of(example: GoldenExample) -> NDArray[np.float32]:
        return answer_rows(run(golden_inputs(example, spec)))

    answers = [rows_of(example) for example in candidates]
    largest = max(float(np.abs(logits).max()) for logits in answers)
    tolerance = {provider: _rounded(share * largest) for provider, share in drift.items()}
    least = _MARGIN_PER_DRIFT * max(tolerance.values())
    if not np.isfinite(largest) or largest == 0:
        return None
    if metadata.task in ("classify", "generate"):
        kept: list[tuple[float, int, GoldenExample]] = []
        for candidate, rows in zip(candidates, answers, strict=True):
            safe = _with_safe_answers(candidate, rows, metadata, rows_of, least)
            if safe is not None:
                example, margin = safe
                kept.append((margin, _label(example, metadata), example))
        chosen = _spread_over_labels(kept)[:_EXAMPLES]
    else:
        # No single value is the answer, so none can flip: any input will do; of a detector's,
        # rather those that it finds something in.
        found = [_most_found(c, run, metadata) for c in candidates]
        order = sorted(range(len(candidates)), key=lambda number: -found[number])
        chosen = [
            msgspec.structs.replace(candidates[number], logits=_stored(answers[number]))
            for number in order[:_EXAMPLES]
        ]
    while chosen:
        golden = Golden(examples=tuple(chosen), tolerance=tolerance)
        if len(encode(golden)) <= GOLDEN_LIMIT_BYTES:
            return golden
        # The largest goes first: what is left may still show several labels.
        chosen.remove(max(chosen, key=lambda example: len(encode_example(example))))
    return None


def without_golden(metadata: ModelMetadata) -> str:
    """Say why a file has none."""
    return "no golden vectors: " + (
        "the network does not tell drawn inputs apart clearly enough"
        if metadata.task in ("classify", "generate")
        else f"its answers are larger than the {GOLDEN_LIMIT_BYTES // 1024} KB meant for them"
    )


def _most_found(example: GoldenExample, run: Run, metadata: ModelMetadata) -> float:
    """Return the highest score of any box; 0 for tasks without boxes."""
    if metadata.task != "detect":
        return 0.0
    from edgecnn.runtime.tasks.detect import detect_in_tensor

    output = run(golden_inputs(example, metadata.input))[0]
    scores = detect_in_tensor(output, metadata, min_score=0.0).scores
    return float(scores.max(initial=0.0))


def encode_example(example: GoldenExample) -> bytes:
    """Return one example as JSON."""
    return msgspec.json.encode(example)


def _with_safe_answers(
    example: GoldenExample,
    rows: NDArray[np.float32],
    metadata: ModelMetadata,
    rows_of: Callable[[GoldenExample], NDArray[np.float32]],
    least: float,
) -> tuple[GoldenExample, float] | None:
    """Fill in the logits, dropping beats whose label is not safe; None when nothing is left."""
    for _ in range(8):
        # Of a text, the answer is what follows all of it.
        answers = rows[-1:] if metadata.task == "generate" else rows
        ordered = np.sort(answers, axis=1)
        margins = ordered[:, -1] - ordered[:, -2] if answers.shape[1] > 1 else np.abs(answers[:, 0])
        safe = margins >= least
        if safe.all():
            return msgspec.structs.replace(example, logits=_stored(rows)), float(margins.min())
        beats = tuple(b for b, keep in zip(example.beats, safe, strict=False) if keep)
        if not beats:
            return None
        # Without the dropped beats the others have other neighbours: run them again.
        example = msgspec.structs.replace(example, beats=beats)
        rows = rows_of(example)
    return None


def _stored(rows: NDArray[np.float32]) -> tuple[tuple[float, ...], ...]:
    """Six digits say all that the tolerance can tell, at half the size."""
    return tuple(tuple(float(f"{value:.6g}") for value in row) for row in rows)


def _label(example: GoldenExample, metadata: ModelMetadata) -> int:
    """Return the label that an example is wanted for: the last in order that it shows."""
    if metadata.task == "generate":
        return int(np.argmax(example.logits[-1]))
    return max(int(np.argmax(row)) for row in example.logits) % len(metadata.labels)


def _spread_over_labels(kept: list[tuple[float, int, GoldenExample]]) -> list[GoldenExample]:
    """Order by turns: the widest margin of every label, then the second widest of every label."""
    turns: dict[int, int] = {}
    keyed = []
    for margin, label, example in sorted(kept, key=lambda k: -k[0]):
        turns[label] = turns.get(label, -1) + 1
        keyed.append((turns[label], -margin, example))
    return [example for _, _, example in sorted(keyed, key=lambda k: k[:2])]


def _rounded(value: float) -> float:
    """Two significant digits: the rest would differ between machines."""
    return float(f"{value:.2g}") if value > 0 else 1e-6
