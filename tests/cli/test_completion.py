"""What Tab offers, asked as bash asks."""

from __future__ import annotations

import pytest

from edgecnn.cli.run import run


def offered(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setenv("_EDGECNN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit) as raised:
        run([])
    assert not raised.value.code
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "among"),
    [
        ("edgecnn qua", "plain,quantize"),
        ("edgecnn quantize --fo", "plain,--form"),
        ("edgecnn predict bund", "plain,bundled:mnist-lenet5"),
        ("edgecnn compare a.onnx bund", "plain,bundled:mnist-lenet5.int8"),
        ("edgecnn train mnist", "plain,mnist-lenet5"),
        ("edgecnn models show resnet1", "plain,resnet18"),
        ("edgecnn evaluate m.onnx mnist", "plain,mnist:test"),
        ("edgecnn quantize m.onnx --calibration mnist", "plain,mnist:train"),
        *[(f"edgecnn {words} x/y", "file,x/y") for words in (
            "predict", "predict m.onnx", "score m.onnx", "score m.onnx --rhythm", "train",
            "export", "evaluate m.onnx", "quantize m.onnx --evaluate", "ecg evaluate", "live",
            "bench", "inspect", "explain", "generate", "search", "compare",
        )],
    ],
)  # fmt: skip
def test_names_and_files(
    words: str,
    among: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert among in offered(words, monkeypatch, capsys)


def test_what_does_not_fit_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered("edgecnn models show zzz", monkeypatch, capsys) == []
    assert offered("edgecnn predict mnist-", monkeypatch, capsys) == ["file,mnist-"]
