"""Annotation lists written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.annotations import Annotations


def written(*items) -> Annotations:
    """Write down ``(sample, symbol)``, ``(sample, "+", "(AFIB")``, ``(sample, "~", 48)``."""
    samples, symbols, aux, subtypes = [], [], [], []
    for sample, symbol, *rest in items:
        samples.append(sample)
        symbols.append(symbol)
        aux.append(next((x for x in rest if isinstance(x, str)), ""))
        subtypes.append(next((x for x in rest if isinstance(x, int)), 0))
    zeros = np.zeros(len(samples), dtype=np.int64)
    return Annotations(
        samples=np.array(samples, dtype=np.int64),
        symbols=tuple(symbols),
        aux=tuple(aux),
        subtypes=np.array(subtypes, dtype=np.int64),
        channels=zeros,
        numbers=zeros,
    )


@pytest.fixture(scope="session")
def annotated():
    """Function that makes annotations from a list."""
    return written


@pytest.fixture(scope="session")
def beats():
    """Function that makes beats one second apart (100 Hz) from their symbols: ``"NNVN"``."""
    return lambda symbols, first=100: written(
        *((first + 100 * n, symbol) for n, symbol in enumerate(symbols) if symbol != " ")
    )
