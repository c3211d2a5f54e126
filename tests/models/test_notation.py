from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.errors import UsageError
from edgecnn.models.notation import Conv, Dense, Dropout, Pool, parse_layers


def kinds(text: str) -> list[str]:
    return [type(layer).__name__ for layer in parse_layers(text)]


def test_the_classic_shape() -> None:
    text = "INPUT -> [(CONV 3x3 8 -> RELU)*2 -> POOL 2]*2 -> [FC 16 -> RELU]*1 -> FC"
    stage = ["Conv", "Activation"] * 2 + ["Pool"]
    assert kinds(text) == [*stage, *stage, "Dense", "Activation", "Dense"]


def test_every_layer_and_option() -> None:
    text = (
        "conv 3x5 8 -> conv 5 8 /2 same -> conv 3 8 pad 2 -> conv 3 8 valid -> pool 3/2 -> "
        "pool avg 2x4 -> norm -> pool avg global -> dropout .5 -> fc 7 -> relu -> fc"
    )
    layers = parse_layers(text)
    assert layers[:4] == (
        Conv((3, 5), 8, 1, (0, 0), 1),
        Conv((5, 5), 8, 2, (2, 2), 15),
        Conv((3, 3), 8, 1, (2, 2), 35),
        Conv((3, 3), 8, 1, (0, 0), 53),
    )
    assert layers[4:6] == (Pool("max", (3, 3), (2, 2), 71), Pool("avg", (2, 4), (2, 4), 83))
    assert layers[7:10] == (Pool("avg", None, (1, 1), 107), Dropout(0.5, 126), Dense(7, 140))


@pytest.mark.parametrize(
    "text", ["conv3x3 8->relu->fc", "  conv  3x3   8 ->\n relu -> FC ", "conv 3×3 8 → ReLU → fc"]
)
def test_spaces_case_and_signs_do_not_matter(text: str) -> None:
    assert kinds(text) == ["Conv", "Activation", "Dense"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "expected a layer, found the end"),
        ("conv 3x3 8 -> rlu -> fc", 15, "no layer 'rlu'"),
        ("conv 3x3 -> fc", 10, "conv needs a width"),
        ("conv -> fc", 6, "conv needs a kernel size"),
        ("pool -> fc", 6, "pool needs a size"),
        ("conv 3 8 relu -> fc", 10, "expected '->', found 'relu'"),
        ("conv 3 8 # -> fc", 10, "unexpected '#'"),
        ("conv 3.5 8 -> fc", 6, "3.5 is not a whole number"),
        ("conv 0 8 -> fc", 6, "0 is not in 1..65,536"),
        ("conv 3 99999999999 -> fc", 8, "is not a whole number up to 65,536"),
        ("conv 3 8 /0 -> fc", 11, "0 is not in"),
        ("conv 4 8 same -> fc", 6, "same padding needs an odd kernel"),
        ("conv 3 8 pad -> fc", 14, "pad needs a number"),
        ("dropout -> fc", 9, "expected a share"),
        ("dropout 1 -> fc", 9, "a share is below 1"),
        ("(conv 3 8 -> fc", 16, "expected '->' or the ')' of column 1, found the end"),
        ("[conv 3 8) -> fc", 10, "the ']' of column 1, found ')'"),
        ("(relu)*0 -> fc", 8, "0 is not in 1..1,000"),
        ("(relu)* -> fc", 9, "expected how often, found '->'"),
        ("(((relu)*1000)*1000)*1000 -> fc", 20, "more than 1000 layers"),
        ("(" * 21 + "relu", 21, "more than 20 brackets"),
        ("relu -> fc 10", 9, "the last layer must be fc without a width"),
        ("fc 10 -> relu", 10, "the last layer must be fc without a width"),
        ("fc -> relu -> fc", 1, "fc needs a width, except at the end"),
        ("fc 3 -> conv 3 8 -> fc", 9, "conv after the fc of column 1"),
        ("(fc 3 -> pool 2)*2 -> fc", 10, "pool after the fc of column 2"),
    ],
)
def test_errors_name_the_column(text: str, column: int, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_layers(text)
    said = error.value.message
    assert said.startswith(f"layers, column {column}: ")
    assert message in said
    # What stands behind the mark is what stands at the column.
    assert said.rpartition("^")[2].removesuffix("...") == text[column - 1 :][:24]
    assert "\n" not in said


def test_a_long_text_is_cut_around_its_error() -> None:
    text = " -> ".join(["relu"] * 30 + ["rlu"] + ["relu"] * 30)
    with pytest.raises(
        UsageError, match=r"\.\.\.relu -> relu -> relu -> \^rlu -> .*\.\.\.$"
    ) as error:
        parse_layers(text)
    assert len(error.value.message) < 120


@given(st.text(alphabet="convplfcreu 0123x*/()[]->.", max_size=40))
def test_any_text_is_layers_or_one_line(text: str) -> None:
    try:
        parse_layers(text)
    except UsageError as raised:
        error = raised
    else:
        return
    assert error.message.startswith("layers, column ")
    assert "\n" not in error.message
