from __future__ import annotations

import re

import pytest

from edgecnn.errors import MetadataError, MissingFileError, UsageError
from edgecnn.export.contract import image_contract, read_labels
from edgecnn.metadata import BeatInput, ImageInput, read_contract

TOML = """
labels = ["cat", "dog"]
[input]
kind = "image"
height = 32
width = 48
colour = "bgr"
resize = "letterbox"
mean = [0.4, 0.5, 0.6]
std = [0.2, 0.2, 0.2]
"""


def test_toml(tmp_path):
    path = tmp_path / "pets.toml"
    path.write_text(TOML)
    contract = read_contract(path)
    assert contract.name == "pets"
    assert contract.labels == ("cat", "dog")
    assert isinstance(contract.input, ImageInput)
    assert contract.input.shape == (3, 32, 48)


def test_toml_of_a_beat_model(tmp_path):
    path = tmp_path / "beats.toml"
    path.write_text(
        'labels = ["N", "V"]\n[input]\nkind = "beat"\nsampling_rate_hz = 250\nleads = ["MLII"]\n'
        "before = 50\nafter = 80\n[input.filter]\nbaseline_s = 0.6\nsmooth_s = 0.02\n"
        "[input.rhythm]\n"
    )
    assert isinstance(read_contract(path).input, BeatInput)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels = [", "not a readable TOML"),
        ('labels = ["a", "b"]', "input is missing"),
        (TOML.replace("height = 32", "height = 0"), r"input\.height is 0"),
        (TOML.replace("[0.4, 0.5, 0.6]", "[0.4, 0.5]"), "mean has 2 values for 3 channels"),
        (TOML.replace('"dog"', '"cat"'), "two labels are the same: 'cat'"),
        (TOML.replace("0.4, 0.5, 0.6", "nan, 0.5, 0.6"), "mean is not finite: nan, 0.5, 0.6"),
    ],
)
def test_toml_that_does_not_hold(tmp_path, text, message):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(MetadataError, match=message):
        read_contract(path)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('kind = "signal"', '[input] with kind = "signal", sampling_rate_hz, leads, samples;'),
        ('kind = "sound"', "there are: image, beat, signal, text, characters"),
        ('kind = "image"', '[input] with kind = "image", height, width, colour;'),
    ],
)
def test_what_is_needed_goes_by_the_kind_of_input(tmp_path, text, hint):
    path = tmp_path / "m.toml"
    path.write_text(f'labels = ["a", "b"]\n[input]\n{text}\n')
    with pytest.raises(MetadataError) as caught:
        read_contract(path)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "key", "known"),
    [
        (TOML.replace("resize =", "resise ="), "input.resise", "input has: .* resize, "),
        (TOML.replace("mean =", "maen ="), "input.maen", "input has: .* mean, "),
        (f"licence = 'MIT'\n{TOML}", "licence", "a contract has: .* labels, "),
        (f"{TOML}[output]\nmin_scor = 0.5\n", "output.min_scor", "output has: .*min_score"),
    ],
)
def test_toml_with_a_typo(tmp_path, text, key, known):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(MetadataError, match=f"unknown key '{key}'") as caught:
        read_contract(path)
    assert re.search(known, caught.value.hint or "")


def test_toml_that_is_not_there(tmp_path):
    with pytest.raises(MissingFileError):
        read_contract(tmp_path / "m.toml")


def test_options():
    contract = image_contract("t", ("a", "b"), (1, 8, 9), mean=(0.1,), resize="stretch")
    assert contract.input == ImageInput(
        height=8, width=9, colour="gray", mean=(0.1,), resize="stretch"
    )
    assert image_contract("t", ("a",), (3, 8, 9), std=(0.1, 0.2, 0.3)).input.colour == "rgb"


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 9), {}),
        ((2, 8, 9), {}),
        ((3, 0, 9), {}),
        ((3, 8, 9), {"colour": "gray"}),
        ((3, 8, 9), {"mean": (0.1, 0.2)}),
        ((1, 8, 9), {"std": (0.0,)}),
        ((1, 8, 9), {"resize": "squeeze"}),
        ((1, 8, 9), {"mean": (float("nan"),)}),
        ((1, 8, 9), {"std": (float("inf"),)}),
    ],
)
def test_options_that_do_not_fit(shape, options):
    with pytest.raises(UsageError):
        image_contract("t", ("a", "b"), shape, **options)


def test_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("cat\n\ndog \n", encoding="utf-8")
    assert read_labels(str(path)) == read_labels("cat,dog") == ("cat", "dog")
    with pytest.raises(MissingFileError):
        read_labels(str(tmp_path / "other.txt"))
    with pytest.raises(MetadataError, match="no labels"):
        read_labels(" , ")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MetadataError):
        read_labels(str(path))


@pytest.mark.parametrize("field", ["scale", "mean", "std"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(field, value):
    given = {field: value if field == "scale" else (value,)}
    with pytest.raises(ValueError, match=f"{field} is not finite: {value}"):
        ImageInput(height=8, width=8, colour="gray", **given)
