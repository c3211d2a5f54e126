"""``edgecnn doctor`` prints its findings and ends with the code that they mean."""

from __future__ import annotations

import json

import pytest

from edgecnn.cli.run import run
from edgecnn.doctor import Finding

FINDINGS = [
    Finding("ok", "python", "Python 3.12"),
    Finding("warn", "camera", "no camera", "plug one in"),
    Finding("fail", "runtime", "none", "install one"),
]


def say(monkeypatch: pytest.MonkeyPatch, findings: list[Finding]) -> None:
    monkeypatch.setattr("edgecnn.doctor.examine", lambda *, provider: findings)


def test_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, FINDINGS)
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "ok    python   Python 3.12",
        "warn  camera   no camera",
        "               -> plug one in",
        "fail  runtime  none",
        "               -> install one",
        "1 broken, 1 to know about",
    ]


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, FINDINGS)
    assert run(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["broken"], document["warnings"]) == (1, 1)
    assert document["findings"][1] == {
        "level": "warn",
        "topic": "camera",
        "what": "no camera",
        "hint": "plug one in",
    }


def test_warnings_alone_are_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, FINDINGS[:2])
    assert run(["doctor"]) == 0
