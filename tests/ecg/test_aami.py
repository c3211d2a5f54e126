from __future__ import annotations

import pytest

from edgecnn.ecg.aami import CLASS_MAPS, CLASS_OF_SYMBOL, CLASSES, class_map, is_beat
from edgecnn.ecg.annotations import read_annotations
from edgecnn.errors import UsageError


def test_the_two_maps_differ_in_escape_beats_only():
    literature, bxb = class_map("literature"), class_map("bxb")
    assert {s for s in literature if bxb[s] != literature[s]} == {"e", "j", "n"}
    assert literature is CLASS_OF_SYMBOL
    assert set(literature.values()) == set(bxb.values()) == set(CLASSES)


def test_an_unknown_map_lists_the_known_ones():
    with pytest.raises(UsageError, match="unknown class map: aha") as raised:
        class_map("aha")
    assert all(name in (raised.value.hint or "") for name in CLASS_MAPS)


def test_rhythm_changes_and_noise_are_no_beats():
    assert not any(is_beat(symbol) for symbol in '+~|"![]x')


@pytest.mark.data
def test_mit_bih_has_the_known_number_of_beats_in_each_class(data_root):
    counts = dict.fromkeys(CLASSES, 0)
    for header in (data_root / "mitdb").glob("*.hea"):
        for symbol in read_annotations(header.with_suffix(""), "atr").symbols:
            if is_beat(symbol):
                counts[CLASS_OF_SYMBOL[symbol]] += 1
    assert counts == {"N": 90_631, "S": 2_781, "V": 7_236, "F": 803, "Q": 8_043}
