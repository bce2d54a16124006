"""The layout of the channel network."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from mmm.report.layers import Edge, layered

NAMES = ["tv", "social", "display", "search", "email"]


def test_a_cause_stands_left_of_what_it_moves() -> None:
    edges = [Edge("tv", "social", 1), Edge("social", "search", 1), Edge("tv", "search", 1)]
    drawing = layered(NAMES, edges)

    across = {name: point[0] for name, point in drawing.places.items()}
    assert across["tv"] < across["social"] < across["search"]


def test_an_edge_over_a_layer_goes_round_the_node_between() -> None:
    edges = [Edge("tv", "social", 1), Edge("social", "search", 1), Edge("tv", "search", 1)]
    drawing = layered(NAMES, edges)

    start, between, end = drawing.roads["tv", "search"]
    assert (start, end) == (drawing.places["tv"], drawing.places["search"])
    assert between[0] == drawing.places["social"][0]
    assert between[1] != drawing.places["social"][1]


def test_channels_without_an_edge_stand_below_the_others() -> None:
    drawing = layered(NAMES, [Edge("tv", "search", 1)])

    lowest = min(drawing.places[name][1] for name in ("tv", "search"))
    assert all(drawing.places[name][1] < lowest for name in ("social", "display", "email"))


def test_the_weakest_edge_of_a_cycle_points_back() -> None:
    edges = [Edge("tv", "social", 3), Edge("social", "search", 2), Edge("search", "tv", 1)]
    drawing = layered(NAMES, edges)

    assert drawing.places["tv"][0] < drawing.places["social"][0] < drawing.places["search"][0]
    assert set(drawing.roads) == {("tv", "social"), ("social", "search"), ("search", "tv")}


def test_no_edges_at_all() -> None:
    drawing = layered(NAMES, [])

    assert set(drawing.places) == set(NAMES)
    assert drawing.roads == {}


@given(st.sets(st.sampled_from([(a, b) for a in NAMES for b in NAMES if a != b])))
def test_nodes_never_share_a_place(pairs: set[tuple[str, str]]) -> None:
    edges = [Edge(cause, effect, 1 + place) for place, (cause, effect) in enumerate(sorted(pairs))]
    places = layered(NAMES, edges).places

    assert set(places) == set(NAMES)
    for a, b in combinations(NAMES, 2):
        assert abs(places[a][0] - places[b][0]) + abs(places[a][1] - places[b][1]) > 0.3
