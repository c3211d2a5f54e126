"""Records scored one after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgecnn.ecg.engines.groups import Outcome
from edgecnn.ecg.record_files import RecordFile
from edgecnn.ecg.score_file import Job, score_record_file
from edgecnn.runtime.blas import one_blas_thread
from edgecnn.runtime.session import Model

__all__ = ["run_serial"]


def run_serial(
    files: Sequence[RecordFile], model: Model, job: Job, rhythm: Model | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Yield the place of each record and what it came to."""
    with one_blas_thread():
        for place, file in enumerate(files):
            yield place, score_record_file(file, model, job, rhythm)
