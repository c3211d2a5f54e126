"""Dataset readers, all behind one protocol: MNIST, CIFAR-10, MIT-BIH, folders of pictures.

NumPy and OpenCV only. A named dataset is looked for in an explicit folder, in ``EDGECNN_DATA`` and
in the user's cache, and is downloaded from its public home when it is in none of them.
"""

from __future__ import annotations

from edgecnn.data.dataset import Dataset, DatasetInfo
from edgecnn.data.kind import require_kind
from edgecnn.data.registry import dataset_names, fetch_dataset, open_dataset

__all__ = [
    "Dataset",
    "DatasetInfo",
    "dataset_names",
    "fetch_dataset",
    "open_dataset",
    "require_kind",
]
