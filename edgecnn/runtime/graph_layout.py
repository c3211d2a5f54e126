"""Where the nodes of a graph are drawn: in layers from top to bottom, few lines crossing.

After Sugiyama, Tagawa and Toda 1981 (IEEE Trans. SMC 11): layers by the longest path, lines over
several layers bent through a place of their own in each, orders by the mean of the neighbours'
places, then positions drawn to the neighbours' without overlapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout", "Placed", "lay_out"]

WIDTH, HEIGHT = 196, 46
_GAP_X, _GAP_Y, _LANE = 26, 34, 14
_SWEEPS = 8


@dataclass(frozen=True)
class Placed:
    """The upper left corner of a node, in pixels."""

    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """A drawing of ``width`` by ``height``: a place for every node, and lines as points."""

    nodes: tuple[Placed, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def lay_out(sources: Sequence[Sequence[int]]) -> Layout:
    """Place nodes.

    Parameters
    ----------
    sources : sequence of sequence of int
        For each node, those it reads from; all before it.

    Examples
    --------
    >>> [round(place.y) for place in lay_out([(), (0,), (1,)]).nodes]
    [0, 80, 160]
    """
    count = len(sources)
    layer = [0] * count
    for node, before in enumerate(sources):
        layer[node] = 1 + max((layer[one] for one in before), default=-1)
    # What nothing before it holds down is drawn just above what reads it.
    readers: list[list[int]] = [[] for _ in range(count)]
    for node, before in enumerate(sources):
        for one in before:
            readers[one].append(node)
    for node in reversed(range(count)):
        if not sources[node] and readers[node]:
            layer[node] = min(layer[one] for one in readers[node]) - 1
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    up: list[list[int]] = [[] for _ in range(count)]
    chains: list[list[int]] = []
    for node in range(count):
        rows[layer[node]].append(node)
    for node, before in enumerate(sources):
        for one in before:
            chain = [one]
            for between in range(layer[one] + 1, layer[node]):
                bend = len(up)
                up.append([chain[-1]])
                rows[between].append(bend)
                chain.append(bend)
            up[node].append(chain[-1])
            chains.append([*chain, node])
    down: list[list[int]] = [[] for _ in up]
    for place, before in enumerate(up):
        for one in before:
            down[one].append(place)
    widths = [WIDTH] * count + [_LANE] * (len(up) - count)
    for sweep in range(_SWEEPS):
        _order(rows, up if sweep % 2 == 0 else down)
    x = _positions(rows, up, down, widths)
    y = {
        place: float(number * (HEIGHT + _GAP_Y)) for number, row in enumerate(rows) for place in row
    }
    left = min((x[p] - widths[p] / 2 for p in range(len(up))), default=0.0)
    right = max((x[p] + widths[p] / 2 for p in range(len(up))), default=0.0)
    lines: list[tuple[tuple[float, float], ...]] = []
    for chain in chains:
        points: list[tuple[float, float]] = [(x[chain[0]] - left, y[chain[0]] + HEIGHT)]
        for bend in chain[1:-1]:
            points += [(x[bend] - left, y[bend] + 0.0), (x[bend] - left, y[bend] + HEIGHT)]
        lines.append((*points, (x[chain[-1]] - left, y[chain[-1]] + 0.0)))
    return Layout(
        nodes=tuple(Placed(x[n] - WIDTH / 2 - left, y[n]) for n in range(count)),
        lines=tuple(lines),
        width=right - left,
        height=max(len(rows) * (HEIGHT + _GAP_Y) - _GAP_Y, 0),
    )


def _order(rows: list[list[int]], neighbours: list[list[int]]) -> None:
    """Sort each row by the mean place of its neighbours."""
    place = {one: number / max(len(row), 1) for row in rows for number, one in enumerate(row)}
    for row in rows:
        means = {
            one: sum(place[n] for n in neighbours[one]) / len(neighbours[one])
            if neighbours[one]
            else place[one]
            for one in row
        }
        row.sort(key=lambda one, means=means: means[one])  # type: ignore[misc]
        for number, one in enumerate(row):
            place[one] = number / max(len(row), 1)


def _positions(
    rows: list[list[int]], up: list[list[int]], down: list[list[int]], widths: Sequence[float]
) -> list[float]:
    x = [0.0] * len(widths)
    for row in rows:
        total = sum(widths[one] + _GAP_X for one in row) - _GAP_X
        at = -total / 2
        for one in row:
            x[one] = at + widths[one] / 2
            at += widths[one] + _GAP_X
    for sweep in range(2 * _SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            wanted = []
            for one in row:
                near = (up if downwards else down)[one] or (down if downwards else up)[one]
                wanted.append(sum(x[n] for n in near) / len(near) if near else x[one])
            for one, at in zip(row, _apart(row, wanted, widths), strict=True):
                x[one] = at
    return x


def _apart(row: Sequence[int], wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return places near the wanted ones, in order and without overlap.

    Neighbours that would overlap become a block around the mean of what they want (the method of
    pool adjacent violators).
    """
    blocks: list[tuple[float, int]] = []  # sum of wanted origins, and how many
    offsets: list[float] = []
    offset = 0.0
    for number, one in enumerate(row):
        if number:
            offset += (widths[row[number - 1]] + widths[one]) / 2 + _GAP_X
        offsets.append(offset)
        blocks.append((wanted[number] - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + count)
    origins = [total / count for total, count in blocks for _ in range(count)]
    return [origin + off for origin, off in zip(origins, offsets, strict=True)]
