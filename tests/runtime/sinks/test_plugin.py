"""Sinks of the user's own: found, given their options, and blamed by name and line."""

import textwrap

import pytest

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.sinks.plugin import open_plugin


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(code, name="own_sinks"):
        # A name for each test: an imported module stays imported.
        name = f"{name}_{abs(hash(code))}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        return name

    return write


def test_a_sink_gets_its_options_and_everything_else(module, make_answer, make_stream, summary):
    name = module(
        """
        seen = []
        class Own:
            def __init__(self, topic, host="localhost"):
                seen.append((topic, host))
            def open(self, stream): seen.append(stream.model)
            def write(self, answer): seen.append(answer.row()["label"])
            def close(self, summary): seen.append(summary.captured)
        """
    )
    sink = open_plugin(f"{name}:Own?topic=door%2F1")
    sink.open(make_stream())
    sink.write(make_answer(0, "open"))
    sink.close(summary)
    assert __import__(name).seen == [("door/1", "localhost"), "model", "open", 9]


def test_write_alone_is_enough(module, make_answer, make_stream):
    name = module("class Own:\n    def write(self, answer): pass")
    sink = open_plugin(f"{name}:Own")
    sink.open(make_stream())
    sink.write(make_answer())
    sink.close(None)


@pytest.mark.parametrize("text", ["own", ":Own", "own:", "", "?a=1"])
def test_what_is_no_sink_is_wrong_usage(text):
    with pytest.raises(UsageError, match="not a sink"):
        open_plugin(text)


def test_options_that_it_does_not_take_are_named(module):
    name = module("def make(topic, host='x'): ...")
    with pytest.raises(UsageError, match="unexpected keyword argument 'colour'") as caught:
        open_plugin(f"{name}:make?topic=a&colour=red&password=geheim")
    assert caught.value.hint == "it takes: topic, host"
    assert "geheim" not in caught.value.message
    with pytest.raises(UsageError, match="missing a required argument: 'topic'"):
        open_plugin(f"{name}:make")
    with pytest.raises(UsageError, match="more than once"):
        open_plugin(f"{name}:make?topic=a&topic=b")


def test_what_fails_is_one_line_with_its_place(module, make_answer):
    with pytest.raises(EdgeCNNError, match="cannot import no_such_module_here"):
        open_plugin("no_such_module_here:Own")
    name = module("class Own:\n    def write(self, answer):\n        raise OSError('broker gone')")
    with pytest.raises(EdgeCNNError, match="has no factory Other"):
        open_plugin(f"{name}:Other")
    with pytest.raises(EdgeCNNError) as caught:
        open_plugin(f"{name}:Own").write(make_answer())
    assert caught.value.message == (
        f"sink {name}:Own: write failed: OSError: broker gone ({name}.py, line 3)"
    )
    broken = module("def make():\n    raise ValueError('two\\nlines')")
    with pytest.raises(EdgeCNNError, match=r"fails: ValueError: two \("):
        open_plugin(f"{broken}:make")
    nothing = module("def make():\n    return 3")
    with pytest.raises(EdgeCNNError, match="returns int, which has no method write"):
        open_plugin(f"{nothing}:make")
