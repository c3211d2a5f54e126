"""Workers of a Dask cluster: a scheduler's address, or some started on this machine.

An adapter and no more: what runs there is :func:`~edgecnn.ecg.engines.worker.score_group`. All
workers must see the records and the folder of the results under the same paths.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import distributed
from distributed.comm.core import CommClosedError
from distributed.diagnostics.plugin import WorkerPlugin

from edgecnn.ecg.engines.worker import GroupResult, ModelSource, open_model, score_group
from edgecnn.ecg.record_files import RecordFile
from edgecnn.ecg.score_file import Job
from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.machine import usable_cpus

__all__ = ["LOCAL", "Cluster", "ModelPlugin", "open_cluster"]

#: Address of a cluster that is started for the run, on this machine.
LOCAL = "local"

_CONNECT_S = 15
_FIRST_WORKER_S = 120


class ModelPlugin(WorkerPlugin):
    """Brings the model to each worker once, also to those that come later.

    Parameters
    ----------
    source : ModelSource
    content : bytes
        The model's file: a worker need not see it.
    """

    def __init__(self, source: ModelSource, content: bytes) -> None:
        self.name = f"edgecnn-{source.sha256[:16]}"
        self.source, self.content = source, content

    def setup(self, worker: Any) -> None:
        """Open the model in a worker's process."""
        folder = Path(worker.local_directory) / self.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.source.path.name
        path.write_bytes(self.content)
        open_model(replace(self.source, path=path))


class Cluster:
    """An :class:`~edgecnn.ecg.engines.groups.Engine` of Dask workers.

    Parameters
    ----------
    client : distributed.Client
    """

    group_s = 1.5

    def __init__(self, client: Any) -> None:
        self.lost: tuple[type[BaseException], ...] = (
            distributed.KilledWorker,
            distributed.CancelledError,
            CommClosedError,
        )
        self._client = client

    def slots(self) -> int:
        """Return the threads of all workers that there are now."""
        return sum(self._client.nthreads().values())

    def submit(self, files: Sequence[RecordFile], job: Job) -> Future[GroupResult]:
        """Hand a group out to be scored."""
        # Not by their arguments: a record that is handed out again is to be done again.
        there = self._client.submit(score_group, files, job, pure=False)
        here: Future[GroupResult] = Future()
        there.add_done_callback(partial(_pass_on, here))
        return here

    def renew(self) -> None:
        """Do nothing: a cluster replaces its workers by itself."""


def _pass_on(here: Future[GroupResult], there: Any) -> None:
    """Fetch a result; if its worker is gone by then, wait until another one has it.

    Dask's own executor takes a result that is lost on the way for an error of the call.
    """
    try:
        here.set_result(there.result())
    except BaseException as error:  # whoever asks for the result is told
        here.set_exception(error)


@contextmanager
def open_cluster(
    address: str, sources: Sequence[ModelSource], *, workers: int | None
) -> Iterator[Cluster]:
    """Connect to a cluster, or start one, and bring the models to its workers.

    Parameters
    ----------
    address : str
        Of a scheduler, ``tcp://host:8786``, or ``"local"``.
    sources : sequence of ModelSource
    workers : int, optional
        Processes of a local cluster; the default is one for each CPU.

    Raises
    ------
    EdgeCNNError
        No scheduler there, no worker, or a worker that cannot open the model.
    """
    # A worker that goes is dealt with; its log would be noise.
    for name in ("distributed", "distributed.scheduler", "distributed.nanny", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Dask's own functions have no types.
    dask: Any = distributed
    with ExitStack() as stack:
        try:
            target: Any = address
            if address == LOCAL:
                target = stack.enter_context(
                    dask.LocalCluster(
                        n_workers=workers or usable_cpus(),
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address=None,
                        # It serves its health all the same: not to the network, and not at the
                        # port that another cluster has.
                        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                        silence_logs=logging.CRITICAL,
                    )
                )
            client = stack.enter_context(
                dask.Client(target, timeout=_CONNECT_S, set_as_default=False)
            )
        except (OSError, ValueError) as error:
            raise EdgeCNNError(
                f"no Dask scheduler answers at {address}",
                hint="`dask scheduler` prints its tcp://HOST:PORT; `local` starts a cluster here",
            ) from error
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError as error:
            raise EdgeCNNError(
                f"the cluster at {address} has no workers",
                hint="start some: `dask worker ADDRESS --nthreads 1`",
            ) from error
        for source in sources:
            _bring_model(client, source)
        yield Cluster(client)


def _bring_model(client: Any, source: ModelSource) -> None:
    plugin = ModelPlugin(source, source.path.read_bytes())
    try:
        client.register_plugin(plugin)
    except EdgeCNNError:
        raise
    except Exception as error:  # whatever a worker raised, it comes back as it was
        text = " ".join(str(error).split())
        raise EdgeCNNError(
            f"a worker of the cluster cannot open the model: {text[:200]}",
            hint="install the same edgecnn on all workers",
        ) from error
