from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edgecnn.data import open_dataset
from edgecnn.data.class_maps import as_mapped
from edgecnn.ecg.annotations import write_annotations
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures

LITERATURE = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=60,
    after=100,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)
BXB = replace(LITERATURE, class_map="bxb")


def test_escape_beats_are_n_by_one_map_and_s_by_the_other(tmp_path: Path) -> None:
    symbols = "NejnLRAVF/"
    signal = np.zeros(4200, dtype="<i2")
    (tmp_path / "a.dat").write_bytes(signal.tobytes())
    (tmp_path / "a.hea").write_text("a 1 360 4200\na.dat 16 200 16 0 0 0 0 MLII\n")
    write_annotations(tmp_path / "a.atr", 300 * np.arange(1, 11), symbols)
    dataset = open_dataset(tmp_path)

    def classes(spec: BeatInput) -> str:
        mapped = as_mapped(dataset, spec)
        assert mapped.targets is not None
        return "".join(mapped.info.labels[i] for i in mapped.targets)

    assert classes(LITERATURE) == "NNNNNNSVF"
    assert classes(BXB) == "NSSSNNSVF"
    assert "class map bxb" in as_mapped(dataset, BXB).info.note
    assert "class map" not in as_mapped(dataset, LITERATURE).info.note
    # Asked again, and asked back.
    assert as_mapped(as_mapped(dataset, BXB), BXB).info.note.count("class map") == 1
    assert classes(LITERATURE) == "NNNNNNSVF"


def test_other_models_change_nothing(tmp_path: Path) -> None:
    signal = np.zeros(4200, dtype="<i2")
    (tmp_path / "a.dat").write_bytes(signal.tobytes())
    (tmp_path / "a.hea").write_text("a 1 360 4200\na.dat 16 200 16 0 0 0 0 MLII\n")
    write_annotations(tmp_path / "a.atr", np.array([300, 600]), "Ne")
    dataset = open_dataset(tmp_path)
    assert as_mapped(dataset, ImageInput(height=8, width=8, colour="gray")) is dataset
