from __future__ import annotations

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models.beat_net import beat_net


def test_it_reads_windows_of_any_length_and_the_rhythm() -> None:
    torch.manual_seed(0)
    model = beat_net().eval()
    beat, rr = torch.randn(2, 2, 300), torch.zeros(2, 5)
    assert model(beat, rr).shape == (2, 4)
    assert not torch.allclose(model(beat, rr), model(beat, rr + 1))


@pytest.mark.parametrize("arguments", [{"width": 24}, {"width": 0}, {"dropout": 1.0}])
def test_values_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="beat-net"):
        beat_net(**arguments)  # type: ignore[arg-type]
