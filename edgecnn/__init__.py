"""edgecnn: train in PyTorch, ship one self-describing ONNX file, run it on a camera or an ECG.

What is listed in ``__all__`` is the public interface. Each name is loaded from its module when it
is first used, so that ``import edgecnn`` costs next to nothing and works where only a device's
packages are installed.

Examples
--------
>>> import edgecnn
>>> edgecnn.load_model("bundled:mnist-lenet5").metadata.task
'classify'
"""

from __future__ import annotations

import os

# What type checkers take for true. Importing `typing` for it would cost more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from edgecnn.calibration.compare import compare_models
    from edgecnn.calibration.quantize import quantize_model
    from edgecnn.data import open_dataset
    from edgecnn.ecg.annotations import read_annotations, write_annotations
    from edgecnn.ecg.ec57.evaluate import evaluate_records
    from edgecnn.ecg.readers import read_record
    from edgecnn.ecg.score import score_records
    from edgecnn.errors import EdgeCNNError
    from edgecnn.evaluation.evaluate import evaluate_model
    from edgecnn.explain.explain import explain_model
    from edgecnn.export.derive import derive_model
    from edgecnn.export.exporter import export_model
    from edgecnn.export.write_contract import write_contract
    from edgecnn.metadata import ModelMetadata, read_contract
    from edgecnn.models import create_model
    from edgecnn.models.kernel_file import export_kernel
    from edgecnn.runtime.bench import bench_model
    from edgecnn.runtime.inspection import inspect_model
    from edgecnn.runtime.predict import predict_files
    from edgecnn.runtime.session import Model, load_model
    from edgecnn.runtime.sinks.base import Sink
    from edgecnn.training.exporting import export_checkpoint
    from edgecnn.training.rebuilding import rebuild_model
    from edgecnn.training.recipe import load_recipe
    from edgecnn.training.train import train_recipe

__version__ = "0.1.0"

# ONNX Runtime 1.31 keeps a device id and a queue of usage events in the user's cache unless this is
# set before it is loaded. What runs on a camera box or on ECGs tells no one; to turn it on, set 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# No name here may be that of a sub-package: importing the package would replace it.
__all__ = [
    "EdgeCNNError",
    "Model",
    "ModelMetadata",
    "Sink",
    "bench_model",
    "compare_models",
    "create_model",
    "derive_model",
    "evaluate_model",
    "evaluate_records",
    "explain_model",
    "export_checkpoint",
    "export_kernel",
    "export_model",
    "inspect_model",
    "load_model",
    "load_recipe",
    "open_dataset",
    "predict_files",
    "quantize_model",
    "read_annotations",
    "read_contract",
    "read_record",
    "rebuild_model",
    "score_records",
    "train_recipe",
    "write_annotations",
    "write_contract",
]

_HOME = {
    "EdgeCNNError": "edgecnn.errors",
    "Model": "edgecnn.runtime.session",
    "ModelMetadata": "edgecnn.metadata",
    "Sink": "edgecnn.runtime.sinks.base",
    "bench_model": "edgecnn.runtime.bench",
    "compare_models": "edgecnn.calibration.compare",
    "create_model": "edgecnn.models",
    "derive_model": "edgecnn.export.derive",
    "evaluate_model": "edgecnn.evaluation.evaluate",
    "evaluate_records": "edgecnn.ecg.ec57.evaluate",
    "explain_model": "edgecnn.explain.explain",
    "export_checkpoint": "edgecnn.training.exporting",
    "export_kernel": "edgecnn.models.kernel_file",
    "export_model": "edgecnn.export.exporter",
    "inspect_model": "edgecnn.runtime.inspection",
    "load_model": "edgecnn.runtime.session",
    "load_recipe": "edgecnn.training.recipe",
    "open_dataset": "edgecnn.data",
    "predict_files": "edgecnn.runtime.predict",
    "quantize_model": "edgecnn.calibration.quantize",
    "read_annotations": "edgecnn.ecg.annotations",
    "read_contract": "edgecnn.metadata",
    "read_record": "edgecnn.ecg.readers",
    "rebuild_model": "edgecnn.training.rebuilding",
    "score_records": "edgecnn.ecg.score",
    "train_recipe": "edgecnn.training.train",
    "write_annotations": "edgecnn.ecg.annotations",
    "write_contract": "edgecnn.export.write_contract",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'edgecnn' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
