"""What runs in a worker process: the models, opened once, and groups of records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn import __version__
from edgecnn.ecg.record_files import Problem, RecordFile
from edgecnn.ecg.score_file import Job, Scored, score_record_file
from edgecnn.errors import EdgeCNNError
from edgecnn.metadata import CONTRACT_KEY, ModelMetadata
from edgecnn.runtime.blas import keep_one_blas_thread
from edgecnn.runtime.heap import keep_freed_memory
from edgecnn.runtime.session import Model, load_model

__all__ = ["GroupResult", "ModelSource", "open_model", "score_group", "source_of"]

_models: dict[str, Model] = {}


@dataclass(frozen=True)
class ModelSource:
    """How a worker opens the model.

    Attributes
    ----------
    path : Path
    provider : str
        What runs it in the process that checked it.
    sha256 : str
    contract : ModelMetadata or None
        Of a file that brings none.
    version : str
        Of edgecnn in the process that starts the run.
    """

    path: Path
    provider: str
    sha256: str
    contract: ModelMetadata | None
    version: str = __version__


@dataclass(frozen=True)
class GroupResult:
    """What the records of a group came to, in their order, and the time that it took."""

    outcomes: tuple[Scored | Problem, ...]
    seconds: float


def source_of(model: Model, sha256: str) -> ModelSource:
    """Return how another process opens a model that is open in this one."""
    brings_contract = CONTRACT_KEY in model.session.get_modelmeta().custom_metadata_map
    return ModelSource(
        path=model.path,
        provider=model.placement.provider,
        sha256=sha256,
        contract=None if brings_contract else model.metadata,
    )


def open_model(source: ModelSource) -> None:
    """Open the model for the groups to come, with one thread: there are as many workers as CPUs.

    Its golden vectors were checked by the process that starts the run.

    Raises
    ------
    EdgeCNNError
        The model cannot be opened here, or this is another version of edgecnn.
    """
    if source.version != __version__:
        raise EdgeCNNError(
            f"a worker has edgecnn {__version__}, the run was started by {source.version}",
            hint="install the same version everywhere: results would differ",
        )
    keep_freed_memory()
    keep_one_blas_thread()
    if source.sha256 not in _models:
        _models[source.sha256] = load_model(
            source.path,
            provider=source.provider,
            threads=1,
            check=False,
            spinning=False,
            contract=source.contract,
        )


def score_group(files: Sequence[RecordFile], job: Job) -> GroupResult:
    """Score some records one after the other.

    Raises
    ------
    EdgeCNNError
        The results cannot be written.
    """
    started = time.perf_counter()
    model = _models[job.model_sha256]
    rhythm = None if job.rhythm_sha256 is None else _models[job.rhythm_sha256]
    outcomes = tuple(score_record_file(file, model, job, rhythm) for file in files)
    return GroupResult(outcomes, time.perf_counter() - started)
