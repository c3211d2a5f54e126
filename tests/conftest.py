"""What all tests share: needs that skip on a person's machine and fail in CI, and the data."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tomllib
import venv
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from packaging.requirements import Requirement

_REPOSITORY = Path(__file__).parents[1]

# The same examples everywhere and each time, however slow the machine. For new ones:
# `pytest --hypothesis-profile=default`.
settings.register_profile(
    "same",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


def pytest_configure() -> None:
    """Let Ctrl-C be tested where the tests themselves were started in the background.

    A shell starts background jobs with SIGINT ignored, and a process started by one that ignores
    it ignores it too, as it should.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Keep nothing in the cache of whoever runs the tests, and look for nothing there."""
    os.environ["EDGECNN_CACHE"] = "off"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out unless ``-m`` speaks of them."""
    if "long" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Draw the same numbers whatever ran before; hold the needs that a test's marks state."""
    if torch := sys.modules.get("torch"):
        # It begins with another seed in every process.
        torch.manual_seed(0)
    if item.get_closest_marker("data"):
        _data_root()
    if item.get_closest_marker("browser"):
        _chromium()
    if item.get_closest_marker("gpu"):
        import onnxruntime

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            pytest.skip("this ONNX Runtime has no CUDA in it")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return _REPOSITORY


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data, or a skip that says how to get it."""
    return _data_root()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Chromium's executable, for ``playwright``'s ``executable_path``."""
    return _chromium()


@pytest.fixture(scope="session")
def make_environment(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Path]:
    """Make a virtual environment with just what an install of edgecnn brings.

    ``make_environment(extras={"cpu"}, without={"rich"})`` returns its Python. What is installed
    here is linked into it, so that it is there at once and without a network; everything else
    (torch, onnx, scipy, pandas, wfdb, pytest, ...) cannot be imported in it.
    """

    def make(*, extras: Iterable[str] = ("cpu",), without: Iterable[str] = ()) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = folder / "lib" / version / "site-packages"
        (site / "edgecnn").symlink_to(_REPOSITORY / "edgecnn")
        for name in _closure(extras) - set(without):
            installed = distribution(name)
            for top in {file.parts[0] for file in installed.files or () if file.parts[0] != ".."}:
                if not (site / top).exists() and top != "__pycache__":
                    (site / top).symlink_to(Path(str(installed.locate_file(top))))
        return folder / "bin" / "python"

    return make


@pytest.fixture(scope="session")
def device_python(make_environment: Callable[..., Path]) -> Path:
    """Python of an environment that holds what ``pip install edgecnn[cpu]`` brings."""
    return make_environment()


@pytest.fixture(scope="session")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of 28 x 28 grey pictures that tells dark, grey and bright ones apart."""
    return write_picture_model(tmp_path_factory.mktemp("model") / "brightness.onnx")


@pytest.fixture(scope="session")
def beat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny beat model by rule: V is a beat unlike the usual one, S a premature one like it."""
    return write_beat_model(tmp_path_factory.mktemp("model") / "beats.onnx")


def write_beat_model(path: Path) -> Path:
    """Write the model behind :func:`beat_model`."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from edgecnn import metadata as contract

    spec = contract.BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=90,
        after=126,
        filter=contract.BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
        rhythm=contract.RhythmFeatures(),
    )
    described = contract.ModelMetadata(
        name="beat-rule", task="classify", labels=("N", "S", "V", "F"), input=spec
    )
    accuracy = contract.Accuracy(
        dataset="drawn",
        split="test",
        metric="macro-F1 (N, S, V)",
        value=0.5,
        interval_95=(0.4, 0.6),
        n=100,
        per_class={
            "V": contract.ClassScore(sensitivity=0.8, positive_predictivity=0.9, f1=0.85, n=10)
        },
    )
    difference = np.array([[1.0], [-1.0]], dtype=np.float32)[None]
    # Logits of unlikeness (mean square of beat minus template) and of ln(RR before / usual RR).
    weights = {
        "shape": np.array([[0, -6, 16, 0]], dtype=np.float32),
        "early": np.array([[0.0, -24, -4, 0], *[[0] * 4] * 4], dtype=np.float32),
        "bias": np.array([6.0, 2, -3, -9], dtype=np.float32),
        "difference": difference,
        "axis": np.array([1]),
    }
    nodes = [
        helper.make_node("Mul", ["beat", "difference"], ["signed"]),
        helper.make_node("ReduceSum", ["signed", "axis"], ["unlike"], keepdims=0),
        helper.make_node("Mul", ["unlike", "unlike"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["mean", "shape"], ["of_shape"]),
        helper.make_node("MatMul", ["rr", "early"], ["of_rhythm"]),
        helper.make_node("Add", ["of_shape", "of_rhythm"], ["both"]),
        helper.make_node("Add", ["both", "bias"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        for name, shape in spec.tensors.items()
    ]
    graph = helper.make_graph(
        nodes,
        "beat-rule",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model,
        {
            contract.CONTRACT_KEY: contract.encode(described),
            contract.MEASURED_KEY: contract.encode(contract.Measured(accuracy=(accuracy,))),
        },
    )
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def rhythm_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny rhythm model by rule: ten seconds of a large ECG are AFIB, of a small one NSR."""
    return write_rhythm_model(tmp_path_factory.mktemp("model") / "rhythm.onnx")


def write_rhythm_model(
    path: Path,
    *,
    leads: tuple[str, ...] = ("MLII",),
    rate_hz: float = 360,
    labels: tuple[str, ...] = ("NSR", "AFIB"),
    thresholds: tuple[float, ...] = (),
    min_score: float = 0.0,
) -> Path:
    """Write a network of ten-second fragments whose answer is the mean square of the first lead.

    Mean squares (of a filtered signal in mV) above 0.15 are the second label.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from edgecnn import metadata as contract

    spec = contract.SignalInput(
        sampling_rate_hz=rate_hz,
        leads=leads,
        samples=round(10 * rate_hz),
        filter=contract.BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
        normalisation="none",
    )
    described = contract.ModelMetadata(
        name="rhythm-rule",
        task="classify",
        labels=labels,
        input=spec,
        output=contract.Output(
            activation="sigmoid" if thresholds else "softmax",
            thresholds=thresholds,
            min_score=min_score,
        ),
    )
    weights = {
        "slope": np.array([[-20.0, 20.0]], dtype=np.float32),
        "bias": np.array([3.0, -3.0], dtype=np.float32),
        "first": np.array([0]),
        "row": np.array([1]),
    }
    nodes = [
        helper.make_node("Gather", ["signal", "first"], ["lead"], axis=1),
        helper.make_node("Squeeze", ["lead", "row"], ["only"]),
        helper.make_node("Mul", ["only", "only"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Gemm", ["mean", "slope", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "rhythm-rule",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["N", *spec.shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(labels)])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {contract.CONTRACT_KEY: contract.encode(described)})
    onnx.save(model, path)
    return path


def write_picture_model(path: Path) -> Path:
    """Write the model behind :func:`picture_model`, golden vectors included."""
    import cv2
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from edgecnn import metadata as contract

    labels = ("dark", "grey", "bright")
    weights = np.array([[-20.0, 0.0, 20.0]], dtype=np.float32)
    bias = np.array([6.0, 0.0, -14.0], dtype=np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("Gemm", ["column", "weights", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    examples = []
    for value in (0, 128, 255):
        _, png = cv2.imencode(".png", np.full((40, 60, 3), value, dtype=np.uint8))
        logits = (value / 255) * weights + bias
        examples.append(
            contract.GoldenExample(
                media="image/png", data=png.tobytes(), logits=(tuple(map(float, logits[0])),)
            )
        )
    spec = contract.ImageInput(height=28, width=28, colour="gray")
    described = contract.ModelMetadata(
        name="brightness", task="classify", labels=labels, input=spec
    )
    golden = contract.Golden(examples=tuple(examples), tolerance={"cpu": 1e-3})
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model,
        {
            contract.CONTRACT_KEY: contract.encode(described),
            contract.GOLDEN_KEY: contract.encode(golden),
        },
    )
    onnx.save(model, path)
    return path


def _closure(extras: Iterable[str]) -> set[str]:
    """Names of all distributions that edgecnn with some extras pulls in."""
    project = tomllib.loads((_REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    for extra in extras:
        wanted += [Requirement(text) for text in project["optional-dependencies"][extra]]
    names: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = requirement.name.lower()
        if name in names:
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            # The Makefile puts the headless wheel in its place where the system has no libGL.
            assert name == "opencv-python", f"{name} is not installed"
            name += "-headless"
            needs = distribution(name).requires or []
        names.add(name)
        for text in needs:
            need = Requirement(text)
            markers = [{"extra": extra} for extra in requirement.extras or {""}]
            if need.marker is None or any(need.marker.evaluate(marker) for marker in markers):
                wanted.append(need)
    return names


def _data_root() -> Path:
    root = os.environ.get("EDGECNN_DATA")
    if not root:
        beside = _REPOSITORY.parent / "shared" / "data"
        if os.environ.get("CI") and beside.is_dir():
            pytest.fail(f"the real data lies in {beside}, but EDGECNN_DATA is not set")
        pytest.skip("EDGECNN_DATA is not set: no real data here")
    folder = Path(root)
    if not folder.is_dir():
        pytest.fail(f"EDGECNN_DATA={root} is not a folder")
    return folder


def _chromium() -> Path:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    if os.environ.get("CI"):
        pytest.fail("no Chromium on this machine: .ci/run installs it")
    pytest.skip("no Chromium on this machine (apt install chromium)")
