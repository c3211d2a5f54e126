"""The named datasets: what they are, whose they are, and where each file is published.

Every hash here is the publisher's own, or was published by several independent users of the same
file; none was computed from a copy of unknown origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["CATALOGUE", "DatasetEntry", "RemoteFile", "entry_of", "mitdb_files"]


@dataclass(frozen=True)
class RemoteFile:
    """One published file.

    Attributes
    ----------
    name : str
        File name below the dataset's folder.
    urls : tuple of str
        Where it is published; tried in this order.
    sha256 : str
        Of the file as published.
    payload_sha256 : str
        For a ``.gz``: of what is inside, so that a copy that was compressed again is known too.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str
    payload_sha256: str = ""


@dataclass(frozen=True)
class DatasetEntry:
    """A named dataset.

    Attributes
    ----------
    name, title : str
    splits : tuple of str
        What may follow the colon in ``name:split``.
    attribution, licence : str
        To be named wherever the data or a network trained on it is passed on.
    files : tuple of RemoteFile
        All that a download fetches.
    download_bytes : int
        Their size together.
    folder : str
        Where it lies below ``EDGECNN_DATA`` or the cache; the default is its name.
    holds : str
        What its examples are, as :func:`edgecnn.metadata.reads` names what a model reads.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    attribution: str
    licence: str
    files: tuple[RemoteFile, ...]
    download_bytes: int
    folder: str = ""
    holds: str = "pictures"

    @property
    def place(self) -> str:
        """Its folder, relative to one that holds all data."""
        return self.folder or self.name

    def file(self, name: str) -> RemoteFile:
        """Return the published file of that name."""
        return next(file for file in self.files if file.name == name)


_MNIST_HOMES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
_CHAR_RNN_HOME = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/"
)
_MITDB_HOME = "https://physionet.org/files/mitdb/1.0.0/"
_MITDB_ATTRIBUTION = (
    "G. B. Moody, R. G. Mark: The impact of the MIT-BIH Arrhythmia Database, 2001; "
    "PhysioNet, doi:10.13026/C2F305"
)


def _mnist(name: str, sha256: str, payload: str) -> RemoteFile:
    return RemoteFile(name, tuple(home + name for home in _MNIST_HOMES), sha256, payload)


_MNIST_FILES = (
    _mnist(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _mnist(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    _mnist(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _mnist(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


@cache
def mitdb_files() -> tuple[RemoteFile, ...]:
    """Return the 144 record files of MIT-BIH, with the hashes of PhysioNet's own SHA256SUMS."""
    sums = files("edgecnn.data").joinpath("hashes/mitdb.txt").read_text("utf-8")
    pairs = (line.split() for line in sums.splitlines() if not line.startswith("#"))
    return tuple(RemoteFile(name, (_MITDB_HOME + name,), sha256) for sha256, name in pairs)


@cache
def _entries() -> dict[str, DatasetEntry]:
    entries = (
        DatasetEntry(
            name="mnist",
            title="MNIST handwritten digits, 28×28 grey",
            splits=("train", "test"),
            attribution="Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database",
            licence="none stated",
            files=_MNIST_FILES,
            download_bytes=11_594_722,
        ),
        DatasetEntry(
            name="digit-scenes",
            title="digits of MNIST on photos, drawn as they are asked for; for detectors",
            splits=("train", "validation", "test"),
            attribution=(
                "Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database; photos: see their folder"
            ),
            licence="none stated (digits); photos: see their folder",
            files=_MNIST_FILES,
            download_bytes=11_594_722,
            folder="mnist",
        ),
        DatasetEntry(
            name="cifar10",
            title="CIFAR-10 photographs in ten classes, 32×32 colour",
            splits=("train", "test"),
            attribution=(
                "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
            ),
            licence="none stated",
            files=(
                RemoteFile(
                    "cifar-10-binary.tar.gz",
                    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                ),
            ),
            download_bytes=170_052_171,
        ),
        DatasetEntry(
            name="mitdb",
            title="MIT-BIH Arrhythmia Database 1.0.0: heartbeats by AAMI class",
            splits=("ds1", "ds2"),
            attribution=_MITDB_ATTRIBUTION,
            licence="ODC-By 1.0",
            files=mitdb_files(),
            download_bytes=93_857_066,
            holds="heartbeats",
        ),
        DatasetEntry(
            name="mitdb-rhythm",
            title="MIT-BIH Arrhythmia Database 1.0.0: ten-second fragments by rhythm, 17 classes",
            splits=(
                "fragments-train",
                "fragments-test",
                "fragments15-train",
                "fragments15-test",
                "fragments13-train",
                "fragments13-test",
                "records-train",
                "records-test",
            ),
            attribution=_MITDB_ATTRIBUTION,
            licence="ODC-By 1.0",
            files=mitdb_files(),
            download_bytes=93_857_066,
            folder="mitdb",
            holds="fragments of signals",
        ),
        DatasetEntry(
            name="rt-polarity",
            title="rt-polarity 1.0: sentences of film reviews, negative or positive",
            splits=("train", "test", "all"),
            attribution=(
                "B. Pang, L. Lee: Seeing stars: Exploiting class relationships for sentiment "
                "categorization with respect to rating scales, 2005"
            ),
            licence="none stated",
            files=(
                RemoteFile(
                    "rt-polaritydata.tar.gz",
                    (
                        "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
                        "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/rt-polaritydata.tar.gz",
                    ),
                    "a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
                ),
            ),
            download_bytes=487_770,
            folder="text/rt-polarity",
            holds="sentences",
        ),
        DatasetEntry(
            name="tinyshakespeare",
            title="Tiny Shakespeare: a million characters of the plays",
            splits=("train", "validation", "all"),
            attribution="A. Karpathy: char-rnn, 2015; text by W. Shakespeare",
            licence="public domain (text); none stated (collection)",
            files=(
                RemoteFile(
                    "input.txt",
                    (_CHAR_RNN_HOME + "data/tinyshakespeare/input.txt",),
                    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                ),
            ),
            download_bytes=1_115_394,
            folder="text/tinyshakespeare",
            holds="characters",
        ),
    )
    return {entry.name: entry for entry in entries}


CATALOGUE: dict[str, DatasetEntry] = _entries()


def entry_of(name: str) -> DatasetEntry:
    """Return a named dataset's entry."""
    return CATALOGUE[name]
