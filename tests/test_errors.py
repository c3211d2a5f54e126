"""The tree of errors: as it is drawn, so it is."""

from __future__ import annotations

import builtins
import pickle
import re

import pytest

from edgecnn import errors
from edgecnn.errors import EdgeCNNError

CLASSES = {name: getattr(errors, name) for name in errors.__all__}


def drawn_tree() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Parent and built-in bases of each class, by the drawing in the module's docstring."""
    drawing: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").split("::", 1)[1].splitlines():
        match = re.match(r"    ([│├└─ ]*)(\w+Error)\b(?: \((\w+)\))?", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        del above[depth:]
        drawing[match[2]] = (above[-1] if above else None, (match[3],) if match[3] else ())
        above.append(match[2])
    return drawing


def test_docstring_draws_every_class() -> None:
    assert set(drawn_tree()) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_docstring_draws_the_bases(name: str) -> None:
    parent, built_in = drawn_tree()[name]
    bases = tuple(base.__name__ for base in CLASSES[name].__bases__)
    expected = (parent or "Exception", *built_in)
    assert bases == expected
    for base in built_in:
        assert issubclass(CLASSES[name], getattr(builtins, base))


def test_all_lists_the_classes_defined() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_exit_code_is_1_and_2_for_wrong_usage(name: str) -> None:
    assert CLASSES[name].exit_code == (2 if name == "UsageError" else 1)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_message_hint_and_text_survive(name: str) -> None:
    error = CLASSES[name]("no such lead: V9", hint="it has MLII, V1")
    # Through pickle as well: worker processes send their errors to the one that asked.
    for copy in (error, pickle.loads(pickle.dumps(error))):
        assert type(copy) is CLASSES[name]
        assert (copy.message, copy.hint, str(copy)) == (
            "no such lead: V9",
            "it has MLII, V1",
            "no such lead: V9",
        )


def test_hint_is_optional() -> None:
    assert EdgeCNNError("that went wrong").hint is None
