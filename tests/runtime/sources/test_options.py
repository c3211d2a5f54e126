import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.sources.options import Options


def _options(query):
    return Options.split(f"some:source?{query}")[1]


def test_options_are_taken_one_by_one():
    options = _options("a=2.5&b=7&c=640x480&d=two&e=words+too")
    assert options.number("a", 1.0) == 2.5
    assert options.integer("b", 0) == 7
    assert options.size("c", (16, 16)) == (640, 480)
    assert options.choice("d", "one", ("one", "two")) == "two"
    assert options.text("e", "") == "words too"
    assert options.number("f", 4.0) == 4.0
    options.finish()


@pytest.mark.parametrize("text", ["1e-300", "1e300", "-1", "0", "nan", "inf", "-inf", "", "x"])
def test_an_absurd_number_is_one_clear_line(text):
    with pytest.raises(UsageError) as caught:
        _options(f"speed={text}").number("speed", 1.0)
    assert caught.value.message.startswith(f"source some:source: speed={text} is not a number")
    assert "\n" not in caught.value.message


def test_the_limits_belong_to_the_range_and_are_named():
    assert _options("fps=2").number("fps", 3.0, least=2, most=5) == 2
    assert _options("fps=5").number("fps", 3.0, least=2, most=5) == 5
    with pytest.raises(UsageError, match=r"fps=5\.1 is not a number from 2 to 5"):
        _options("fps=5.1").number("fps", 3.0, least=2, most=5)


def test_what_is_the_default_may_be_said():
    """``from=0`` is the start, which is where it starts anyway."""
    assert _options("from=0").number("from", 0.0) == 0


@pytest.mark.parametrize("text", ["-1", "1.5", "\u0663", "9" * 5000, "1e3", ""])
def test_what_is_no_whole_number_is_one_short_line(text):
    with pytest.raises(UsageError, match="is not a whole number") as caught:
        _options(f"seed={text}").integer("seed", 0)
    assert len(caught.value.message) < 120


@pytest.mark.parametrize("text", ["9x9", "640", "99999x480", "640x480x3", "axb"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UsageError, match="is not WIDTHxHEIGHT"):
        _options(f"size={text}").size("size", (640, 480))


def test_an_option_may_be_given_once():
    with pytest.raises(UsageError, match="more than once"):
        _options("fps=1&fps=2")


def test_what_nobody_took_is_refused():
    options = _options("zoom=2")
    options.number("fps", 30.0)
    with pytest.raises(UsageError, match="unknown option zoom") as caught:
        options.finish()
    assert caught.value.hint == "it has: fps"
