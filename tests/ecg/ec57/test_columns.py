from __future__ import annotations

import numpy as np

from edgecnn.ecg.ec57.columns import beat_columns, cell_columns, label_of


def test_the_line_format_adds_up():
    """Cell (i, j) holds 10 i + j, so every sum can be told: N=0 S=1 V=2 F=3 Q=4 O=5 X=6.

    Nn' = Nn + Nf + Nq = 0 + 3 + 4. Fn' = Fn + Ff + Fq + Qn + Qf + Qq = 30+33+34 + 40+43+44. Vv 22.
    Fv' = Fv + Qv = 32 + 42. Os' = Os + Xs = 51 + 61. So' = So + Sx = 15 + 16.
    Fo' = Fo + Fx + Qo + Qx = 35 + 36 + 45 + 46. On' = On + Of + Oq + Xn + Xf + Xq.
    """
    matrix = np.add.outer(10 * np.arange(7), np.arange(7))
    columns = beat_columns(matrix)
    assert list(columns) == [
        *("Nn'", "Sn'", "Vn'", "Fn'", "On'"),
        *("Ns", "Ss", "Vs", "Fs'", "Os'"),
        *("Nv", "Sv", "Vv", "Fv'", "Ov'"),
        *("No'", "So'", "Vo'", "Fo'"),
    ]
    expected = {"Nn'": 7, "Fn'": 224, "Vv": 22, "Fv'": 74, "Os'": 112, "So'": 31, "Fo'": 162}
    assert {name: columns[name] for name in expected} == expected
    assert columns["On'"] == 50 + 53 + 54 + 60 + 63 + 64
    assert sum(columns.values()) == matrix.sum() - matrix[5:, 5:].sum()


def test_cells_have_their_names():
    cells = cell_columns(np.add.outer(10 * np.arange(7), np.arange(7)))
    assert len(cells) == 45
    assert (cells["Nn"], cells["Vs"], cells["Qx"], cells["Xq"]) == (0, 21, 46, 64)
    assert "Ox" not in cells


def test_statistics_in_words():
    assert label_of("sveb_long_run_sensitivity") == "SVEB long run sensitivity"
    assert label_of("veb_false_positive_rate") == "VEB false positive rate"
    assert label_of("vf_episode_positive_predictivity") == "VF episode positive predictivity"
