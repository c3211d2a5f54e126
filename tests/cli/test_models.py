from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import pytest

from edgecnn.bundled import bundled_models
from edgecnn.cli.run import run
from edgecnn.models import model_names


def test_networks_and_bundled_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^LeNet +lenet5 +61,706 +LeNet-5", told, re.MULTILINE)
    for name in (*model_names(), *bundled_models()):
        assert name in told


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    counts = {entry["name"]: entry["parameters"] for entry in told["architectures"]}
    assert counts["lenet5"] == 61_706
    assert set(counts) == set(model_names())
    assert [file["name"] for file in told["bundled"]] == [f"bundled:{n}" for n in bundled_models()]
    assert all(0 < file["size_bytes"] < 2_000_000 for file in told["bundled"])


def test_networks_of_a_family_stand_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    table = capsys.readouterr().out.partition("\n\n")[0].splitlines()[1:]
    families = [line.split()[0] for line in table]
    assert len(list(itertools.groupby(families))) == len(set(families))


def test_the_list_needs_no_torch() -> None:
    code = "from edgecnn.cli.run import run; import sys; run(['models']); "
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "vgg16"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"features\.0 +conv 3 \+ relu +64x224x224 +1,792 +86,704,128 +3 ", told)
    assert re.search(r"parameters +138,357,544", told)
    assert re.search(r"multiply-adds +15,470,264,320", told)
    assert re.search(r"size +553\.43 MB in FP32, 138\.46 MB in INT8", told)
    assert re.search(r"largest +classifier\.0 74%, classifier\.3 12%", told)


def test_show_with_arguments_and_input(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--set", "classes=7", "--set", "layers=conv 3 4 -> fc", "--input", "1,8,9"]
    assert run(["models", "show", "convnet", *arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["inputs"] == {"input": [1, 8, 9]}
    assert table["arguments"]["layers"] == "conv 3 4 -> fc"
    assert [layer["output_shape"] for layer in table["layers"]] == [[4, 6, 7], [7]]
    assert table["layers"][0]["receptive_field"] == [3, 3]
    assert table["parameters"] == 4 * 9 + 4 + 7 * 4 * 42 + 7


def test_show_counts_what_only_training_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "googlenet"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"parameters +6,624,904\nin training +6,379,984 more", told)


def test_one_of_two_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "beat-net", "--input", "beat=2,100"]) == 0
    assert "reads beat 2x100, rr 5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "vgg99"], 2, "no model named 'vgg99'"),
        (["show"], 2, "missing argument 'NAME'"),
        (["show", "lenet5", "--set", "classes"], 2, "cannot read --set classes"),
        (["show", "lenet5", "--set", "width=2"], 2, "lenet5 takes no argument 'width'"),
        (["show", "lenet5", "--set", "classes=many"], 2, "cannot be built with classes='many'"),
        (["show", "lenet5", "--input", "1,a"], 2, "cannot read --input 1,a"),
        (["show", "lenet5", "--input", "1,0,5"], 2, "cannot read --input 1,0,5"),
        (["show", "lenet5", "--input", "x=1,9,9"], 2, "lenet5 has no input 'x'"),
        (["show", "lenet5", "--input", "1,8,8"], 1, "conv 5 gives 0x0: input too small"),
        (["show", "convnet", "--set", "layers=fc 3"], 2, "layers, column 1: the last layer"),
        (["--json", "show", "lenet5"], 2, "write --json behind show"),
    ],
)
def test_what_cannot_be_shown(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", *arguments]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert not told.out
