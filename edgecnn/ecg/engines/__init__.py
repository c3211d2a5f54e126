"""What scores the records of a run: this process, others on this machine, or a cluster's.

All of them call the same :func:`~edgecnn.ecg.score_file.score_record_file`, record by record, and
give the same bytes.
"""

from edgecnn.ecg.engines.groups import Outcome, run_groups
from edgecnn.ecg.engines.serial import run_serial

__all__ = ["Outcome", "run_groups", "run_serial"]
