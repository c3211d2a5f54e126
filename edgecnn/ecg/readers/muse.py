"""GE MUSE XML (``RestingECG``).

As exported by MUSE: of each ``Waveform`` (``Rhythm``: the recording; ``Median``: an average beat)
the samples of each lead as Base64 of little-endian 16-bit steps. The machine stores eight leads;
III, aVR, aVL and aVF are sums of I and II (Einthoven, Goldberger) and are made of them here.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import pick_signals
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError

__all__ = ["read"]

_RHYTHM = "Rhythm"
#: Shares of I and II.
_DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}
_DATES = ("%m-%d-%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%m-%d-%Y %H:%M")


def read(
    path: Path, root: Element, *, rate_hz: float | None = None, lead: str | None = None
) -> Record:
    """Read a parsed MUSE file (see :func:`edgecnn.ecg.readers.read_record`)."""
    waveform = next((w for w in root.iter("Waveform") if _text(w, "WaveformType") == _RHYTHM), None)
    leads = list(waveform.iter("LeadData")) if waveform is not None else []
    if waveform is None or not leads:
        raise RecordError(
            f"{path} holds no rhythm waveform", hint="export it from MUSE with waveforms"
        )
    base, exponent = _text(waveform, "SampleBase"), _text(waveform, "SampleExponent") or "0"
    stated: float | str | None = base or None
    if base and exponent != "0":
        stated = _number(path, base, "SampleBase") * 10 ** _number(path, exponent, "SampleExponent")
    rate, notes = settle_rate(path, stated, rate_hz)
    signals, units = {}, {}
    for data in leads:
        name = _text(data, "LeadID")
        signals[name] = _steps(path, name, data)
        units[name] = _text(data, "LeadAmplitudeUnits") or "MICROVOLTS"
    if {len(signal) for signal in signals.values()} != {len(next(iter(signals.values())))}:
        raise RecordError(f"{path}: its leads differ in length", hint="is the file complete?")
    if "I" in signals and "II" in signals and units["I"] == units["II"]:
        derived = [name for name in _DERIVED if name not in signals]
        for name in derived:
            of_i, of_ii = _DERIVED[name]
            signals[name] = of_i * signals["I"] + of_ii * signals["II"]
            units[name] = units["I"]
        if derived and (lead is None or lead in derived):
            notes += (f"{', '.join(derived)} made of I and II",)
    names = list(signals)
    picked = pick_signals(path, names, [units[name] for name in names], lead)
    return Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(names[column] for column in picked.columns),
        signal_mv=np.column_stack([signals[names[c]] for c in picked.columns])
        * np.array(picked.millivolts),
        start=_start(root),
        notes=notes + picked.notes,
    )


def _steps(path: Path, name: str, data: Element) -> NDArray[np.float64]:
    """Return a lead's samples in its unit."""
    try:
        content = base64.b64decode("".join(_text(data, "WaveFormData").split()), validate=True)
        steps = np.frombuffer(content, dtype="<i2")
    except (binascii.Error, ValueError) as error:
        raise RecordError(
            f"{path}: the samples of {name} are no Base64 of 16-bit steps: {error}",
            hint="is the file complete?",
        ) from error
    promised = _text(data, "LeadSampleCountTotal")
    if promised and _number(path, promised, "LeadSampleCountTotal") > len(steps):
        raise RecordError(
            f"{path} promises {promised} samples of {name}, it holds {len(steps)}",
            hint="the file is cut short: export it again",
        )
    gain = _number(path, _text(data, "LeadAmplitudeUnitsPerBit") or "1", "LeadAmplitudeUnitsPerBit")
    values: NDArray[np.float64] = steps * gain
    return values


def _number(path: Path, text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RecordError(f"{path}: {what} is {text[:30]!r}, no number", hint="mend it") from None


def _text(element: Element, tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _start(root: Element) -> datetime | None:
    for demographics in root.iter("TestDemographics"):
        date, time = _text(demographics, "AcquisitionDate"), _text(demographics, "AcquisitionTime")
        for form in _DATES:
            try:
                return datetime.strptime(f"{date} {time}", form)
            except ValueError:
                continue
    return None
