"""Labels that can be told apart by their colour."""

import itertools

import numpy as np

from edgecnn.runtime.label_colours import label_colour, page_colours


def test_neighbouring_labels_have_colours_apart():
    colours = [np.array(label_colour(label)) for label in range(8)]
    for one, other in itertools.combinations(colours, 2):
        assert np.abs(one - other).max() > 30


def test_a_page_writes_them_red_first_and_a_convention_comes_first():
    blue, green, red = label_colour(0)
    assert page_colours(["N", "V"], {"V": (1, 2, 255)}) == {
        "N": f"#{red:02x}{green:02x}{blue:02x}",
        "V": "#ff0201",
    }
