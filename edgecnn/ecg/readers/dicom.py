"""DICOM waveforms (12-lead, general, ambulatory and other ECG objects), by ``pydicom``.

DICOM PS3.3, C.10.9 "Waveform Module": an object has multiplex groups, each with a sampling rate of
its own. The longest one with leads in a unit of potential is the recording (others are average
beats); padding values are missing samples: NaN.
"""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import is_lead_name
from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import one_line, pick_signals
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["read"]

#: Bytes of a sample by its interpretation; companded ones (A- and µ-law) carry sound.
_TYPES = {"SS": "i2", "US": "u2", "SB": "i1", "UB": "u1", "SL": "i4", "UL": "u4"}
_NAME = re.compile(r"(?:Lead |MDC_ECG_LEAD_)?([A-Za-z0-9]+)(?: \(Einthoven\))?")
#: Codes of leads (MDC ``2:62``, SCPECG ``5.6.3-9-62``) end in a number: CID 3001 "ECG Leads".
_CODE = re.compile(r"(?:2:|5\.6\.3-9-)(\d+)")
_CODED = {1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 16: "X", 17: "Y", 18: "Z"}
_CODED |= {place + 2: f"V{place}" for place in range(1, 8)} | {66: "V8", 67: "V9"}
_CODED |= {place + 8: f"V{place}R" for place in range(2, 8)}


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a DICOM file (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: DICOM files need pydicom", hint="pip install 'edgecnn[ecg]'"
        ) from error
    try:
        with warnings.catch_warnings():
            # It warns of names and numbers that are none of a recording's business.
            warnings.simplefilter("ignore")
            content: Any = pydicom.dcmread(path)
            order: Literal["<", ">"] = "<" if _is_little(content) else ">"
            groups = [_group(path, item, order) for item in content.get("WaveformSequence", ())]
            start = _start(content)
    except RecordError:
        raise
    except InvalidDicomError as error:
        raise RecordError(f"{path} is no DICOM file", hint="is the file complete?") from error
    except (
        *(OSError, ValueError, KeyError, IndexError, TypeError, AttributeError),
        *(EOFError, NotImplementedError, OverflowError),
    ) as error:
        raise RecordError(
            f"{path} is no readable DICOM file: {one_line(error)}", hint="is the file complete?"
        ) from error
    ecgs = [group for group in groups if any(map(is_voltage, group.units))] or groups
    if not ecgs:
        raise RecordError(
            f"{path} holds no waveform", hint="a picture, or a file that was cut short?"
        )
    group = max(ecgs, key=lambda group: len(group.signal))
    rate, notes = settle_rate(path, group.rate_hz, rate_hz)
    if len(groups) > 1:
        notes += (f"the longest of {len(groups)} multiplex groups is read",)
    picked = pick_signals(path, group.names, group.units, lead)
    columns = list(picked.columns)
    return Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(group.names[column] for column in columns),
        signal_mv=group.signal[:, columns] * np.array(picked.millivolts),
        start=start,
        notes=notes + picked.notes,
    )


class _Group:
    """One multiplex group in its channels' units."""

    def __init__(
        self, rate_hz: float, names: list[str], units: list[str], signal: NDArray[np.float64]
    ) -> None:
        self.rate_hz, self.names, self.units, self.signal = rate_hz, names, units, signal


def _group(path: Path, item: Any, order: Literal["<", ">"]) -> _Group:
    kind = str(item.WaveformSampleInterpretation)
    if kind not in _TYPES:
        raise RecordError(
            f"{path}: waveform samples of the kind {kind} are not read", hint="store them as SS"
        )
    samples, count = int(item.NumberOfWaveformSamples), int(item.NumberOfWaveformChannels)
    type_ = np.dtype(_TYPES[kind]).newbyteorder(order)
    held = len(item.WaveformData) // (type_.itemsize * max(1, count))
    if samples < 0 or held < samples:
        raise RecordError(
            f"{path} promises {samples} samples of {count} channels, it holds {held}",
            hint="the file is cut short: copy it again",
        )
    steps = np.frombuffer(item.WaveformData, dtype=type_, count=samples * count)
    steps = steps.reshape(samples, count)
    signal = steps.astype(np.float64)
    names, units = [], []
    for place, channel in enumerate(item.ChannelDefinitionSequence):
        names.append(_name(channel))
        units.append(_unit(channel))
        gain = float(channel.get("ChannelSensitivity", 1))
        gain *= float(channel.get("ChannelSensitivityCorrectionFactor", 1) or 1)
        signal[:, place] = signal[:, place] * gain + float(channel.get("ChannelBaseline", 0) or 0)
    padding = item.get("WaveformPaddingValue")
    if padding is not None:
        value = padding
        if isinstance(padding, bytes):
            value = np.frombuffer(padding[: type_.itemsize], dtype=type_)[0]
        signal[steps == value] = np.nan
    return _Group(float(item.SamplingFrequency), names, units, signal)


def _is_little(content: Any) -> bool:
    # True of all but one transfer syntax, a retired one. (A multiplex group does not know it.)
    meta = getattr(content, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    return syntax is None or bool(syntax.is_little_endian)


def _name(channel: Any) -> str:
    """Return a lead's name: in words, by its code, or whatever its words are."""
    for source in channel.get("ChannelSourceSequence", ()):
        meaning = str(source.get("CodeMeaning", "") or "").strip()
        match = _NAME.fullmatch(meaning)
        if match and is_lead_name(match[1]):
            return match[1]
        coded = _CODE.fullmatch(str(source.get("CodeValue", "") or "").strip())
        if coded and int(coded[1]) in _CODED:
            return _CODED[int(coded[1])]
        return match[1] if match else meaning
    return str(channel.get("ChannelLabel", "")).strip()


def _unit(channel: Any) -> str:
    for unit in channel.get("ChannelSensitivityUnitsSequence", ()):
        return str(unit.get("CodeValue", "")).strip()
    return ""


def _start(content: Any) -> datetime | None:
    text = str(content.get("AcquisitionDateTime", "") or "")
    if not text:
        text = str(content.get("AcquisitionDate", "")) + str(content.get("AcquisitionTime", ""))
    match = re.match(r"\d{14}", text)
    try:
        return datetime.strptime(match[0], "%Y%m%d%H%M%S") if match else None
    except ValueError:
        return None
