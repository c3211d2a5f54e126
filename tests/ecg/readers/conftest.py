"""The same recording in every format, written by the format's own library where there is one."""

from __future__ import annotations

import base64
import binascii
import struct
import warnings
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

LEADS = ("I", "II", "V1")
RATE_HZ = 250
START = datetime(2021, 3, 4, 5, 6, 7)
STEP_MV = 0.005
SAMPLES = 1003


def quietly(write):
    """Let libraries warn of what other libraries will remove while they write."""

    def quiet(folder, steps):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return write(folder, steps)

    return quiet


def drawn_steps():
    """Steps of 5 µV that use the lower 11 bits, so that every format can hold them."""
    return np.random.default_rng(1).integers(-1000, 1000, (SAMPLES, len(LEADS)))


def write_wfdb(folder, steps, form="16"):
    import wfdb

    wfdb.wrsamp(
        *("r", RATE_HZ, ["mV"] * len(LEADS), list(LEADS)),
        d_signal=steps,
        fmt=[form] * len(LEADS),
        adc_gain=[1 / STEP_MV] * len(LEADS),
        baseline=[0] * len(LEADS),
        base_date=START.date(),
        base_time=START.time(),
        write_dir=str(folder),
    )
    return folder / "r.hea"


def write_segments(folder, steps):
    """Three segments with a layout ahead: the last one has its leads the other way round."""
    cuts = [0, 400, 401, SAMPLES]
    lines = [f"r/{len(cuts)} {len(LEADS)} {RATE_HZ} {SAMPLES} 05:06:07 04/03/2021", "r_layout 0"]
    signals = "".join(f"~ 0 200/mV 16 0 0 0 0 {lead}\n" for lead in LEADS)
    (folder / "r_layout.hea").write_text(f"r_layout {len(LEADS)} {RATE_HZ} 0\n{signals}")
    for number, (first, stop) in enumerate(pairwise(cuts)):
        name = f"r_{number}"
        lines.append(f"{name} {stop - first}")
        order = [2, 1, 0] if number == 2 else [0, 1, 2]
        header = f"{name} {len(LEADS)} {RATE_HZ} {stop - first}\n"
        header += "".join(f"{name}.dat 16 200/mV 16 0 0 0 0 {LEADS[n]}\n" for n in order)
        (folder / f"{name}.hea").write_text(header)
        (folder / f"{name}.dat").write_bytes(steps[first:stop, order].astype("<i2").tobytes())
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    return folder / "r.hea"


def write_edf(folder, steps, name="r.edf"):
    """With pyedflib: data records of one second, so the last one is filled up."""
    import pyedflib

    kind = pyedflib.FILETYPE_BDFPLUS if name.endswith("bdf") else pyedflib.FILETYPE_EDFPLUS
    limit = 1_000_000 if name.endswith("bdf") else 32_000
    path = folder / name
    writer = pyedflib.EdfWriter(str(path), len(LEADS), file_type=kind)
    try:
        writer.setStartdatetime(START)
        for channel, lead in enumerate(LEADS):
            writer.setSignalHeader(
                channel,
                {
                    "label": f"ECG {lead}",
                    "dimension": "uV",
                    "sample_frequency": RATE_HZ,
                    "physical_min": -limit * 5,
                    "physical_max": limit * 5,
                    "digital_min": -limit,
                    "digital_max": limit,
                    "transducer": "",
                    "prefilter": "",
                },
            )
        filled = np.zeros((-(-len(steps) // RATE_HZ) * RATE_HZ, len(LEADS)), dtype=np.int32)
        filled[: len(steps)] = steps
        for first in range(0, len(filled), RATE_HZ):
            for channel in range(len(LEADS)):
                part = np.ascontiguousarray(filled[first : first + RATE_HZ, channel])
                writer.writeDigitalSamples(part)
        writer.writeAnnotation(0.5, -1, "N")
        writer.writeAnnotation(1.25, -1, "V")
    finally:
        writer.close()
    return path


def write_ishne(folder, steps):
    fixed = bytearray(522 - 10)

    def put(at, form, *values):
        struct.pack_into(form, fixed, at - 10, *values)

    put(14, "<i", len(steps))
    put(18, "<ii", 522, 522)
    put(138, "<3h", START.day, START.month, START.year)
    put(150, "<3h", START.hour, START.minute, START.second)
    put(156, "<h", len(LEADS))
    put(158, "<12h", 5, 6, 11, *[-9] * 9)
    put(206, "<12h", *[5000] * 3, *[-9] * 9)
    put(272, "<h", RATE_HZ)
    crc = binascii.crc_hqx(bytes(fixed), 0xFFFF)
    content = b"ISHNE1.0" + struct.pack("<H", crc) + bytes(fixed) + steps.astype("<i2").tobytes()
    (folder / "r.ecg").write_bytes(content)
    return folder / "r.ecg"


def write_aecg(folder, steps):
    sequences = "".join(
        f"""<component><sequence><code code="MDC_ECG_LEAD_{lead}"/>
        <value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/><scale value="5" unit="uV"/>
        <digits>{" ".join(map(str, steps[:, column]))}</digits></value></sequence></component>"""
        for column, lead in enumerate(LEADS)
    )
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
    <AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
    <component><series><code code="RHYTHM"/><component><sequenceSet>
    <component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">
    <head value="{START:%Y%m%d%H%M%S}.000"/><increment value="{1 / RATE_HZ}" unit="s"/></value>
    </sequence></component>{sequences}</sequenceSet></component>
    <derivation><derivedSeries><component><sequenceSet><component><sequence>
    <code code="MDC_ECG_LEAD_II"/><value><digits>1 2 3</digits></value></sequence></component>
    </sequenceSet></component></derivedSeries></derivation>
    </series></component></AnnotatedECG>"""
    (folder / "r.xml").write_text(text, encoding="utf-8")
    return folder / "r.xml"


def write_muse(folder, steps):
    def waveform(kind, samples):
        leads = "".join(
            f"""<LeadData><LeadSampleCountTotal>{len(samples)}</LeadSampleCountTotal>
            <LeadAmplitudeUnitsPerBit>5</LeadAmplitudeUnitsPerBit>
            <LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{lead}</LeadID>
            <WaveFormData>
{base64.encodebytes(samples[:, column].astype("<i2").tobytes()).decode()}</WaveFormData>
            </LeadData>"""
            for column, lead in enumerate(LEADS)
        )
        return f"""<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{RATE_HZ}</SampleBase>
        <SampleExponent>0</SampleExponent>{leads}</Waveform>"""

    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
    <!DOCTYPE RestingECG SYSTEM "restecg.dtd">
    <RestingECG><TestDemographics><AcquisitionTime>{START:%H:%M:%S}</AcquisitionTime>
    <AcquisitionDate>{START:%m-%d-%Y}</AcquisitionDate></TestDemographics>
    {waveform("Median", steps[:100])}{waveform("Rhythm", steps)}</RestingECG>"""
    (folder / "r.xml").write_text(text, encoding="latin-1")
    return folder / "r.xml"


def write_dicom(folder, steps):
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    def channel(lead):
        source, unit, item = Dataset(), Dataset(), Dataset()
        source.CodeValue = {"I": "2:1", "II": "2:2", "V1": "2:3"}[lead]
        source.CodingSchemeDesignator = "MDC"
        source.CodeMeaning = f"Lead {lead}"
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
        item.ChannelSourceSequence = [source]
        item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor = "5", "1"
        item.ChannelBaseline = "0"
        item.ChannelSensitivityUnitsSequence = [unit]
        item.WaveformBitsStored = 16
        return item

    def group(samples):
        item = Dataset()
        item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = len(LEADS), len(samples)
        item.SamplingFrequency = str(RATE_HZ)
        item.ChannelDefinitionSequence = [channel(lead) for lead in LEADS]
        item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
        item.WaveformData = samples.astype("<i2").tobytes()
        item["WaveformData"].VR = "OW"
        return item

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = TwelveLeadECGWaveformStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = FileDataset("r.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    content.AcquisitionDateTime = START.strftime("%Y%m%d%H%M%S")
    content.WaveformSequence = [group(steps[:100]), group(steps)]
    pydicom.dcmwrite(folder / "r.dcm", content, enforce_file_format=True)
    return folder / "r.dcm"


def write_matlab_5(folder, steps):
    from scipy.io import savemat

    cells = np.empty(len(LEADS), dtype=object)
    cells[:] = LEADS
    content = {"ecg": steps * STEP_MV, "fs": RATE_HZ, "leads": cells}
    savemat(folder / "r.mat", {"record": content})
    return folder / "r.mat"


def write_matlab_7_3(folder, steps):
    """HDF5 as MATLAB lays it out: a user block, dimensions reversed, cells as references."""
    import h5py

    path = folder / "r.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["ecg"] = (steps * STEP_MV).T
        file["ecg"].attrs["MATLAB_class"] = np.bytes_("double")
        file["fs"] = np.array([[float(RATE_HZ)]])
        cells = file.create_dataset("leads", (len(LEADS), 1), dtype=h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        for number, lead in enumerate(LEADS):
            text = file.create_dataset(
                f"#refs#/{chr(97 + number)}", data=np.array([[ord(c)] for c in lead], "u2")
            )
            text.attrs["MATLAB_class"] = np.bytes_("char")
            cells[number, 0] = text.ref
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


def write_csv(folder, steps):
    lines = [f"# Sampling rate (Hz): {RATE_HZ}", ",".join(f"{lead} (uV)" for lead in LEADS)]
    lines += [",".join(str(value * 5) for value in row) for row in steps.tolist()]
    (folder / "r.csv").write_text("\n".join(lines) + "\n")
    return folder / "r.csv"


def write_layout(folder, steps):
    lines = ["station 7", "a;b;c;d"]
    lines += [f"{n};" + ";".join(f"{v / 10}".replace(".", ",") for v in row)
              for n, row in enumerate((steps + 1024).tolist())]  # fmt: skip
    (folder / "r.tsv").write_text("\n".join(lines) + "\n")
    columns = ['{name = "n", skip = true}']
    columns += [f'{{name = "{lead}", unit = "uV", offset = 102.4, gain = 0.02}}' for lead in LEADS]
    (folder / "layout.toml").write_text(
        f'sampling_rate_hz = {RATE_HZ}\nseparator = ";"\ndecimal = ","\nskip_lines = 1\n'
        f"start = {START.isoformat()}\ncolumns = [{', '.join(columns)}]\n"
    )
    return folder / "r.tsv"


def write_npz(folder, steps):
    np.savez(folder / "r.npz", ecg=steps * 5, fs=RATE_HZ, leads=LEADS, unit="uV")
    return folder / "r.npz"


def write_parquet(folder, steps):
    import pyarrow as pa
    from pyarrow import parquet

    times = START.timestamp() * 1e6 + np.arange(len(steps)) * 1e6 / RATE_HZ
    columns = {"t": pa.array(times.astype("i8"), pa.timestamp("us"))}
    columns |= {f"{lead} (uV)": steps[:, n] * 5 for n, lead in enumerate(LEADS)}
    parquet.write_table(pa.table(columns), folder / "r.parquet")
    return folder / "r.parquet"


#: What each format keeps besides samples, names and rate.
WITH_START = frozenset(
    ("wfdb-16", "wfdb-212", "wfdb-80", "wfdb-24", "wfdb-32", "wfdb-flac", "segments", "edf", "bdf",
     "ishne", "aecg", "muse", "dicom", "layout")
)  # fmt: skip
WRITERS: dict[str, Callable[..., Path]] = {
    "wfdb-16": write_wfdb,
    "wfdb-212": lambda folder, steps: write_wfdb(folder, steps, "212"),
    "wfdb-24": lambda folder, steps: write_wfdb(folder, steps, "24"),
    "wfdb-32": lambda folder, steps: write_wfdb(folder, steps, "32"),
    "wfdb-flac": lambda folder, steps: write_wfdb(folder, steps, "516"),
    "segments": write_segments,
    "edf": write_edf,
    "bdf": lambda folder, steps: write_edf(folder, steps, "r.bdf"),
    "ishne": write_ishne,
    "aecg": write_aecg,
    "muse": write_muse,
    "dicom": write_dicom,
    "matlab-5": write_matlab_5,
    "matlab-7.3": write_matlab_7_3,
    "csv": write_csv,
    "layout": write_layout,
    "npz": write_npz,
    "parquet": write_parquet,
}
WRITERS = {form: quietly(write) for form, write in WRITERS.items()}


@pytest.fixture(scope="session")
def drawn():
    """The recording that all files hold."""
    steps = drawn_steps()
    return SimpleNamespace(
        leads=LEADS,
        rate_hz=RATE_HZ,
        start=START,
        steps=steps,
        signal_mv=steps * STEP_MV,
        with_start=WITH_START,
    )


@pytest.fixture(scope="session")
def writers():
    """Functions ``write(folder, steps) -> path`` by format."""
    return WRITERS


@pytest.fixture(params=WRITERS)
def form(request):
    """Each format by its name."""
    return request.param


@pytest.fixture
def recording(form, drawn, tmp_path):
    """The recording in each format."""
    return WRITERS[form](tmp_path, drawn.steps)


@pytest.fixture
def recording_of(drawn, tmp_path):
    """Write the recording in a format, in a folder of its own."""

    def write(form):
        folder = tmp_path / form
        folder.mkdir()
        return WRITERS[form](folder, drawn.steps)

    return write
