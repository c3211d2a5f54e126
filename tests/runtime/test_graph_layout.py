"""Where nodes are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgecnn.runtime.graph_layout import HEIGHT, WIDTH, lay_out


def random_graph(seed: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    sources: list[tuple[int, ...]] = [()]
    for node in range(1, 60):
        near = range(max(0, node - 6), node)
        sources.append(tuple(sorted({int(rng.choice(near)) for _ in range(rng.integers(1, 4))})))
    return sources


@pytest.mark.parametrize("seed", range(5))
def test_nodes_lie_below_what_they_read_and_not_on_each_other(seed: int) -> None:
    sources = random_graph(seed)
    layout = lay_out(sources)
    for node, before in enumerate(sources):
        for one in before:
            assert layout.nodes[one].y + HEIGHT < layout.nodes[node].y
    for one, other in itertools.combinations(layout.nodes, 2):
        assert abs(one.y - other.y) >= HEIGHT or abs(one.x - other.x) >= WIDTH
    for place in layout.nodes:
        assert 0 <= place.x <= layout.width - WIDTH + 1e-6
        assert 0 <= place.y <= layout.height - HEIGHT


@pytest.mark.parametrize("seed", range(5))
def test_lines_lead_from_node_to_node_and_through_no_other(seed: int) -> None:
    sources = random_graph(seed)
    layout = lay_out(sources)
    pairs = [(one, node) for node, before in enumerate(sources) for one in before]
    for (one, node), line in zip(pairs, layout.lines, strict=True):
        start, end = layout.nodes[one], layout.nodes[node]
        assert line[0] == pytest.approx((start.x + WIDTH / 2, start.y + HEIGHT))
        assert line[-1] == pytest.approx((end.x + WIDTH / 2, end.y))
        for x, y in line[1:-1]:
            assert not any(p.y <= y <= p.y + HEIGHT and p.x < x < p.x + WIDTH for p in layout.nodes)


def test_a_chain_is_straight() -> None:
    layout = lay_out([(), *((n,) for n in range(30))])
    assert len({place.x for place in layout.nodes}) == 1
    assert layout.width == WIDTH


def test_no_nodes() -> None:
    assert lay_out([]).nodes == ()
