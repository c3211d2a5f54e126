"""Whether a second file is good enough, for a script to decide by."""

from __future__ import annotations

from edgecnn.calibration.compare_report import CompareReport
from edgecnn.calibration.outcome import dataset_name
from edgecnn.data.dataset import Dataset
from edgecnn.data.objects import ObjectDataset
from edgecnn.data.text import RunningText
from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.metadata import ModelMetadata

__all__ = ["check_gates", "require_labels"]


def require_labels(dataset: Dataset, metadata: ModelMetadata) -> None:
    """Refuse data on which no metric can be measured.

    Raises
    ------
    UsageError
    """
    labelled = {
        "classify": dataset.targets is not None,
        "detect": isinstance(dataset, ObjectDataset),
        "generate": isinstance(dataset, RunningText),
    }
    if not labelled.get(metadata.task, False):
        raise UsageError(
            f"max-drop needs labels, and {dataset_name(dataset)} has none",
            hint="--min-agreement can be asked without",
        )


def check_gates(
    report: CompareReport, *, max_drop: float | None = None, min_agreement: float | None = None
) -> None:
    """Refuse a second file that is worse than allowed.

    Parameters
    ----------
    max_drop : float, optional
        Points (percent) of the task's metric; of text, nats per character.
    min_agreement : float, optional
        Share, 0..1.

    Raises
    ------
    UsageError
        ``max_drop`` without labels to measure it on.
    EdgeCNNError
        It is worse.
    """
    said = []
    if max_drop is not None:
        if report.drop is None:
            raise UsageError(f"max-drop needs labels, and {report.data} has none")
        in_nats = report.metric == NATS_PER_CHARACTER
        drop = report.drop if in_nats else 100 * report.drop
        # NaN is no drop that anyone allowed.
        if not drop <= max_drop + 1e-9:
            unit = "nats" if in_nats else "points"
            said.append(f"{report.metric} drops by {drop:.4g} {unit}, more than {max_drop:g}")
    if min_agreement is not None and report.agreement < min_agreement:
        said.append(
            f"{report.agreement_on} in {report.agreement:.2%}, less than {min_agreement:.2%}"
        )
    if said:
        raise EdgeCNNError(f"{report.second.path}: {'; '.join(said)}")
