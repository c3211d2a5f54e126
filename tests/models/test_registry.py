from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from edgecnn.errors import UsageError
from edgecnn.models import architecture, create_model, model_names


@pytest.mark.parametrize(
    ("name", "near"),
    [("lenet", "lenet5"), ("ResNet18", "resnet18"), ("mobilenet", "mobilenet-v2"), ("", None)],
)
def test_an_unknown_name_leads_to_the_nearest(name: str, near: str | None) -> None:
    with pytest.raises(UsageError, match=f"no model named '{name}'") as error:
        create_model(name)
    hint = str(error.value.hint)
    assert hint.endswith("`edgecnn models` lists all")
    assert hint.startswith(f"the nearest are: {near}, " if near else "`edgecnn")


def test_an_unknown_argument_lists_the_known() -> None:
    with pytest.raises(UsageError, match="lenet5 takes no argument 'clases'") as error:
        create_model("lenet5", clases=3)
    assert error.value.hint == "it takes: classes, channels, size, dropout"


def test_an_argument_of_another_type_is_named() -> None:
    with pytest.raises(
        UsageError, match="resnet9 cannot be built with widths='x': Expected"
    ) as error:
        create_model("resnet9", widths="x")
    assert error.value.hint == "the default is (32, 48, 96, 160)"


def test_a_name_stands_for_its_fixed_arguments() -> None:
    assert "depth" not in architecture("resnet50").arguments
    with pytest.raises(UsageError, match="resnet50 takes no argument 'depth'"):
        create_model("resnet50", depth=18)


def test_what_follows_from_the_inputs() -> None:
    picture, signal = {"input": (1, 64, 48)}, {"signal": (3, 500)}
    assert architecture("vgg16").arguments_for(picture) == {"channels": 1, "size": [64, 48]}
    assert architecture("resnet18").arguments_for(picture) == {"channels": 1}
    assert architecture("ecg-yildirim").arguments_for(signal) == {"leads": 3, "samples": 500}
    assert architecture("beat-net").arguments_for({"beat": (2, 288), "rr": (5,)}) == {}


def test_listing_loads_no_torch() -> None:
    code = "from edgecnn.models import architecture, model_names\n"
    code += "[architecture(name).parameters for name in model_names()]\n"
    code += "import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)


@pytest.mark.parametrize("name", model_names())
def test_entries(name: str) -> None:
    entry = architecture(name)
    assert entry.documentation.startswith(("Build ", "Make "))
    assert list(inspect.signature(entry.build).parameters)
    assert "\n" not in entry.summary
