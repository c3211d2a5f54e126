from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset, require_kind
from edgecnn.data.mitdb_rhythm import RHYTHM_RECORDS, fragment_table, shared_classes
from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.rhythm_classes import RHYTHM_LABELS
from edgecnn.errors import DataError
from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures, SignalInput

SPEC = SignalInput(sampling_rate_hz=360, leads=("MLII",), samples=3600)


def write_record(folder: Path, name: str, symbols: str, aux: list[str]) -> None:
    """Write 40 s of a record whose annotations are a second apart."""
    signal = np.zeros((4 * 3600, 2), dtype="<i2")
    (folder / f"{name}.dat").write_bytes(signal.tobytes())
    lines = [f"{name} 2 360 14400", *(f"{name}.dat 16 200 16 0 0 0 0 {x}" for x in ("MLII", "V1"))]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    write_annotations(folder / f"{name}.atr", 360 * np.arange(len(symbols)) + 18, symbols, aux=aux)


def test_fragments_are_named_by_rhythm_and_beats(tmp_path: Path) -> None:
    symbols = "+" + "N" * 14 + "A" + "N" * 4 + "+" + "N" * 17 + "FF"
    aux = [""] * len(symbols)
    aux[0], aux[20] = "(N\0", "(AFIB\0"
    write_record(tmp_path, "a", symbols, aux)
    table = fragment_table(tmp_path, ["a"])
    assert [RHYTHM_LABELS[i] for i in table.targets] == ["NSR", "APB", "AFIB", "AFIB"]
    assert table.starts_s.tolist() == [0, 10, 20, 30]
    assert table.left_out == 0


def test_a_fragment_without_one_class_is_left_out_and_counted(tmp_path: Path) -> None:
    symbols = "+" + "N" * 9 + "AV" + "N" * 28
    write_record(tmp_path, "a", symbols, ["(N\0", *[""] * (len(symbols) - 1)])
    table = fragment_table(tmp_path, ["a"])
    assert table.starts_s.tolist() == [0, 20, 30]
    assert table.left_out == 1


def test_both_records_of_one_man_are_one_patient(tmp_path: Path) -> None:
    for name in ("201", "202"):
        write_record(tmp_path, name, "+" + "N" * 38, ["(N\0", *[""] * 38])
    table = fragment_table(tmp_path, ["201", "202"])
    assert set(table.patients) == {"201"}
    assert shared_classes(table) == ()


@pytest.fixture(scope="module")
def parts(data_root: Path) -> dict[str, object]:
    names = ("fragments-train", "fragments-test", "records-train", "records-test")
    return {name: open_dataset(f"mitdb-rhythm:{name}") for name in names}


@pytest.mark.data
def test_class_counts_of_the_real_database(parts) -> None:
    train, test = parts["fragments-train"], parts["fragments-test"]
    both = np.concatenate([train.targets, test.targets])
    counts = dict(zip(RHYTHM_LABELS, np.bincount(both, minlength=17).tolist(), strict=True))
    assert counts == {
        **{"NSR": 3441, "APB": 491, "AFL": 74, "AFIB": 776, "SVTA": 37, "PREX": 74, "PVC": 906},
        **{"B": 218, "T": 108, "VT": 69, "IVR": 16, "VFL": 17, "F": 103, "LBBB": 483},
        **{"RBBB": 471, "BII": 70, "P": 331},
    }
    assert len(RHYTHM_RECORDS) == 46
    share = np.bincount(test.targets, minlength=17) / np.bincount(both, minlength=17)
    assert ((share > 0.15) & (share <= 0.26)).all()
    assert train.groups is None


@pytest.mark.data
@pytest.mark.parametrize(
    ("count", "without"),
    [(15, {"IVR", "VFL"}), (13, {"IVR", "VFL", "SVTA", "VT"})],
)
def test_fewer_classes_are_the_commonest_ones(
    data_root: Path, parts, count: int, without: set[str]
) -> None:
    train = open_dataset(f"mitdb-rhythm:fragments{count}-train")
    test = open_dataset(f"mitdb-rhythm:fragments{count}-test")
    assert train.info.labels == test.info.labels
    assert train.info.labels == tuple(label for label in RHYTHM_LABELS if label not in without)
    sizes = dict(zip(train.info.labels, np.bincount(test.targets).tolist(), strict=True))
    of_all = np.bincount(parts["fragments-test"].targets)
    # A fifth of each class, whichever the other classes are.
    assert all(sizes[label] == of_all[RHYTHM_LABELS.index(label)] for label in sizes)
    assert "fragments at random" in test.info.note


@pytest.mark.data
def test_by_record_no_patient_is_on_both_sides_and_every_class_is(parts) -> None:
    train, test = parts["records-train"], parts["records-test"]
    assert not set(train.groups) & set(test.groups)
    assert "202" not in {*train.groups, *test.groups}
    assert set(train.targets) == set(test.targets)
    alone = set(range(17)) - set(train.targets.tolist())
    assert {RHYTHM_LABELS[i] for i in alone} == {"PREX", "VFL", "BII"}


@pytest.mark.data
def test_inputs_are_the_fragments_asked_for(parts) -> None:
    test = parts["records-test"]
    chosen = np.array([len(test) - 1, 3, 3])
    inputs = test.inputs(SPEC, chosen)["signal"]
    assert inputs.shape == (3, 1, 3600)
    np.testing.assert_array_equal(inputs[1], inputs[2])
    np.testing.assert_array_equal(inputs[:1], test.inputs(SPEC, chosen[:1])["signal"])
    np.testing.assert_allclose(inputs.mean(axis=2), 0, atol=1e-5)


@pytest.mark.data
def test_other_models_are_refused(parts) -> None:
    test = parts["records-test"]
    beat = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=60,
        after=100,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    with pytest.raises(DataError, match="holds fragments of signals; the model reads heartbeats"):
        test.inputs(beat)
    short = SignalInput(sampling_rate_hz=360, leads=("MLII",), samples=1800)
    with pytest.raises(DataError, match="10 s; the model reads 5 s"):
        test.inputs(short)
    with pytest.raises(DataError, match="holds fragments of signals"):
        require_kind("mitdb-rhythm:records-test", beat)
    require_kind("mitdb-rhythm:records-test", SPEC)
