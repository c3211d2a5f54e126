from __future__ import annotations

import pytest

from edgecnn.calibration import pay
from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.pay import cure_of, refuse_slower, verdict_on, will_it_pay
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.target import this_machine
from edgecnn.errors import EdgeCNNError

ALL = Fusion(("a", "b"), (), 1)
HERE = this_machine()
ELSEWHERE = "arm" if HERE != "arm" else "x86"


def _timed(speedup, *, low=None, high=None, ms=1.0):
    bounds = (low or speedup - 0.01, high or speedup + 0.01)
    return Comparison((ms, ms), (ms / speedup,) * 2, speedup, bounds, bounds)


@pytest.mark.parametrize(
    ("timed", "verdict"),
    [
        (_timed(2.0), "faster"),
        (_timed(0.5), "slower"),
        (_timed(0.98), "no clear difference"),
        (_timed(0.8, low=0.5, high=1.3), "no clear difference"),
    ],
)
def test_only_what_is_clearly_slower_is_slower(timed, verdict):
    assert verdict_on(timed, HERE) == verdict
    assert verdict_on(timed, ELSEWHERE) == "unmeasured here"


def test_refusal_names_what_stayed_fp32_and_the_cure():
    half = Fusion(("a",), tuple(f"conv{i}" for i in range(6)), 9)
    with pytest.raises(EdgeCNNError, match=r"0\.50x its speed .*6 of 7 .* FP32: conv0, conv1") as e:
        refuse_slower(_timed(0.5), HERE, half)
    assert "--activations auto" in e.value.hint
    assert "--allow-slower" in e.value.hint
    assert "too small" in cure_of(_timed(0.5, ms=0.02), ALL)
    refuse_slower(_timed(0.5), ELSEWHERE, half)
    refuse_slower(_timed(0.98), HERE, half)


def test_a_bad_moment_is_measured_again(monkeypatch):
    """A neighbour that wakes up for a second costs no file; one that is really slower is."""
    timings = [_timed(0.5), _timed(1.4)]
    monkeypatch.setattr(pay, "compare_latency", lambda *_, **__: timings.pop(0))
    assert will_it_pay(int, int, seconds=1).speedup == 1.4
    timings += [_timed(0.5), _timed(0.6)]
    assert will_it_pay(int, int, seconds=1).clearly_slower
    timings += [_timed(1.2), _timed(9)]
    assert will_it_pay(int, int, seconds=1).speedup == 1.2


def test_slower_int8_is_refused_without_a_file(fp32, calibration, tmp_path, monkeypatch):
    monkeypatch.setattr(pay, "compare_latency", lambda *_, **__: _timed(0.44))
    out = tmp_path / "o.onnx"
    with pytest.raises(EdgeCNNError, match=r"slower than FP32 on this machine: 0\.44x") as error:
        quantize_model(fp32, out, calibration, samples=32, seconds=0.05, leave=())
    assert error.value.exit_code == 1
    assert not list(tmp_path.iterdir())
    report = quantize_model(
        fp32, out, calibration, samples=32, seconds=0.05, leave=(), allow_slower=True
    )
    assert (report.pays, out.is_file()) == ("slower", True)
    assert any("slower than FP32 on this machine: 0.44x its speed" in r for r in report.remarks)
    report = quantize_model(fp32, out, calibration, samples=32, seconds=0.05, target=ELSEWHERE)
    assert report.pays == "unmeasured here"
    assert any(f"made for {ELSEWHERE}" in remark for remark in report.remarks)


def test_what_may_be_slower_is_not_said_to_be(fp32, calibration, tmp_path, monkeypatch):
    """On a busy machine the rounds differ: no claim either way."""
    doubtful = _timed(0.6, low=0.4, high=1.2)
    monkeypatch.setattr(pay, "compare_latency", lambda *_, **__: doubtful)
    report = quantize_model(fp32, tmp_path / "o.onnx", calibration, samples=32, seconds=0.05)
    assert (report.speedup, report.pays) == (0.6, "no clear difference")
    assert not any("slower than FP32" in remark for remark in report.remarks)
