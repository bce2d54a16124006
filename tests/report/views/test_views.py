"""What the figures hold: their data add up, their words follow from the data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from mmm.report import SECTIONS, MissingTableError, Tables, marks, plot_contributions, plot_dag, theme
from mmm.report.sections import Entry
from mmm.report.views import (
    contributions,
    curves,
    dynamics,
    effects,
    fit,
    fit_regions,
    network,
    quality,
    regions,
    returns,
    waterfall,
)
from tests.report.views.figures import statement

ENTRIES = [entry for entries in SECTIONS.values() for entry in entries]
EVERY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)


def axis_titles(figure: go.Figure) -> list[str]:
    """Titles of the axes that have one."""
    layout = figure.to_plotly_json()["layout"]
    titles = [value.get("title", {}).get("text") for name, value in layout.items() if "axis" in name]
    return [title for title in titles if title]


@EVERY
def test_a_view_is_a_statement_with_a_reading_aid(entry: Entry[Tables], tables: Tables) -> None:
    figure = entry.draw(tables)
    meta = figure.layout.meta

    assert len(meta["title"].split()) >= 4
    assert meta["title"][0].isupper() or meta["title"][0].isdigit()
    assert not meta["title"].endswith(".")
    assert meta["reading"].endswith(".")
    assert "nan" not in (meta["title"] + meta["reading"]).lower().split()
    assert meta["alt"] and meta["height"] >= 200
    assert len(figure.data) > 0
    assert figure.layout.title.text.replace("<br>", " ").replace("&amp;", "&") == meta["title"]


@EVERY
def test_one_member_is_drawn_and_claims_no_certainty(entry: Entry[Tables], lone_tables: Tables) -> None:
    if entry.key in ("regions", "region-multiples", "by-region"):
        with pytest.raises(MissingTableError, match="the model is national"):
            entry.draw(lone_tables)
        return
    if entry.key == "settles":  # its chart had names and not one mark
        with pytest.raises(MissingTableError, match="tells no intervals"):
            entry.draw(lone_tables)
        return
    figure = entry.draw(lone_tables)

    assert "give or take" not in statement(figure)
    assert "nan" not in statement(figure).lower().split()
    assert "interval" not in [trace.name for trace in figure.data]
    modelled = [trace for trace in figure.data if trace.name != "Measured"]
    bars = [trace[name] for trace in modelled for name in ("error_x", "error_y") if name in trace]
    assert not any(bar.visible for bar in bars)


@pytest.mark.parametrize(
    "draw",
    [contributions.channel_shares, waterfall.waterfall, returns.roi, curves.curves, dynamics.carryover,
     dynamics.effectiveness, effects.effects, fit.national],
)  # fmt: skip
def test_no_intervals_is_noted(
    draw: Callable[[Tables], go.Figure], tables: Tables, lone_tables: Tables
) -> None:
    assert any("No intervals" in note for note in draw(lone_tables).layout.meta["notes"])
    assert not any("No intervals" in note for note in draw(tables).layout.meta["notes"])


def test_the_waterfall_adds_up(tables: Tables) -> None:
    bars = waterfall.waterfall(tables).data[0]
    base, step = np.asarray(bars.base, dtype=float), np.asarray(bars.y, dtype=float)

    np.testing.assert_allclose(base[1:-1], (base + step)[:-2], rtol=1e-12)
    assert base[0] == base[-1] == 0
    assert step[:-1].sum() == pytest.approx(step[-1], rel=1e-12)


def test_the_stack_adds_up_to_the_prediction(tables: Tables) -> None:
    figure = contributions.stacked(tables)
    layers = [np.asarray(trace.y, dtype=float) for trace in figure.data if trace.stackgroup]
    assert tables.predictions is not None
    predicted = tables.predictions.groupby("date")["predicted"].sum().to_numpy()
    total = np.sum(layers, axis=0)

    np.testing.assert_allclose(total / total[0], predicted / predicted[0], rtol=1e-5)


def test_many_channels_are_joined_in_the_stack_and_none_is_lost(tables: Tables) -> None:
    assert tables.contributions is not None
    media = tables.contributions[tables.contributions["component"] == "tv"]
    more = [media.assign(component=f"extra_{place}") for place in range(9)]
    cells = pd.concat([tables.contributions, *more], ignore_index=True)
    figure = contributions.stacked(replace(tables, contributions=cells))
    names = [trace.name for trace in figure.data if trace.stackgroup]
    total = np.sum([np.asarray(trace.y, dtype=float) for trace in figure.data if trace.stackgroup], axis=0)
    wanted = cells.groupby("date", observed=True)["value"].sum().to_numpy()

    assert names[-1] == "6 other channels"
    np.testing.assert_allclose(total / total[0], wanted / wanted[0], rtol=1e-5)


def test_the_title_of_shares_has_the_first_channel_and_its_interval(tables: Tables) -> None:
    title = statement(contributions.channel_shares(tables))

    assert title.startswith("Display brings 7 % of visits, give or take 1.9 points")


def test_an_overlap_of_intervals_is_said(tables: Tables) -> None:
    assert tables.effects is not None
    unsure = tables.effects.assign(direct_upper=tables.effects["direct"].max() * 1.1)

    assert "may bring as much" in statement(contributions.channel_shares(replace(tables, effects=unsure)))


def test_the_region_selector_holds_every_region(tables: Tables) -> None:
    figure = fit_regions.by_region(tables)
    (menu,) = figure.layout.updatemenus
    assert tables.predictions is not None
    rows = tables.predictions[tables.predictions["region"] == "Chicago"].sort_values("date")
    button = next(button for button in menu.buttons if button.label.startswith("Chicago"))
    data, axes = button.args

    assert len(menu.buttons) == tables.predictions["region"].nunique()
    assert len(data["y"]) == len(figure.data) == 4
    assert axes["yaxis.ticksuffix"].endswith("k")
    np.testing.assert_allclose(np.array(data["y"][2]) * 1000, rows["predicted"], rtol=1e-3)


def test_curves_mark_today_and_what_the_data_never_saw(tables: Tables) -> None:
    figure = curves.curves(tables)
    assert tables.curves is not None
    today = tables.curves[np.isclose(tables.curves["multiplier"], 1)].sort_values("response", ascending=False)
    points = [trace for trace in figure.data if trace.mode == "markers"]
    dots = [trace for trace in points if trace.marker.symbol != "diamond"]

    assert len(dots) == len(today)
    assert len(points) - len(dots) == len(tables.plan["spend"]), "where the plan stands, as diamonds"
    ratio = [float(dot.y[0]) for dot in dots] / today["response"].to_numpy()
    assert set(np.round(np.log10(ratio))) <= {-6.0, -3.0}
    assert sum(shape.fillcolor.startswith("rgba") for shape in figure.layout.shapes) == 2 * len(today)


def test_a_curve_that_the_data_do_not_support_is_named_so(tables: Tables) -> None:
    assert tables.curves is not None
    near = tables.curves.assign(supported=np.isclose(tables.curves["multiplier"], 1))

    assert "never saw" in statement(curves.curves(replace(tables, curves=near)))
    assert "never saw" not in statement(curves.curves(tables))


def test_channels_without_spend_have_no_roi(tables: Tables) -> None:
    assert tables.effects is not None
    free = tables.effects.assign(spend=0.0, roi=np.nan, marginal_roi=np.nan)

    with pytest.raises(MissingTableError, match="no channel has spend"):
        returns.roi(replace(tables, effects=free))


def test_kernels_add_up_to_all_of_the_effect(tables: Tables) -> None:
    for bars in dynamics.carryover(tables).data:
        assert float(np.sum(bars.y)) == pytest.approx(100, rel=1e-5)


def test_effectiveness_that_does_not_move_is_called_flat(tables: Tables) -> None:
    assert tables.effectiveness is not None
    flat = tables.effectiveness.assign(value=1.0, lower=0.99, upper=1.01)

    assert "No channel's effectiveness moves" in statement(
        dynamics.effectiveness(replace(tables, effectiveness=flat))
    )
    unsure = tables.effectiveness.assign(lower=0.2, upper=2.0)
    assert "no change is certain" in statement(dynamics.effectiveness(replace(tables, effectiveness=unsure)))


def test_the_network_draws_likely_edges_only(tables: Tables) -> None:
    assert tables.graph is not None
    likely = tables.graph[(tables.graph["probability"] >= 0.5) & (tables.graph["weight"] > 0.05)]
    figure = plot_dag(tables)
    strongest = likely.sort_values("weight").iloc[-1]

    assert len(figure.layout.annotations) == len(likely)
    assert theme.short(str(strongest["cause"])) in statement(figure)
    widths = [shape.line.width for shape in figure.layout.shapes]
    assert widths == sorted(widths, reverse=True)


def test_a_graph_without_edges_is_drawn_as_such(tables: Tables) -> None:
    assert tables.graph is not None
    none = tables.graph.assign(weight=0.0)

    assert statement(network.dag(replace(tables, graph=none))) == "No channel is found to move another"
    assert statement(network.dag_matrix(replace(tables, graph=none))) == "No channel is found to move another"


def test_weak_links_are_not_called_absent(tables: Tables) -> None:
    assert tables.graph is not None
    weak = replace(tables, graph=tables.graph.assign(probability=0.1))
    links = int((weak.graph["weight"] > 0).sum()) if weak.graph is not None else 0

    for view in (network.dag, network.dag_matrix):
        assert (
            statement(view(weak)) == f"No channel clearly moves another: {links} links are weak or unlikely"
        )


def test_the_graphs_own_edges_are_drawn_where_it_says_them(tables: Tables) -> None:
    assert tables.graph is not None
    one = tables.graph.assign(edge=(tables.graph["cause"] == "tv") & (tables.graph["effect"] == "search"))
    figure = plot_dag(replace(tables, graph=one))

    assert len(figure.layout.annotations) == 1
    assert "the only link found" in statement(figure)


def test_direct_and_indirect_add_up_to_total(tables: Tables) -> None:
    direct, indirect, total = effects.effects(tables).data[:3]

    np.testing.assert_allclose(np.add(direct.x, indirect.x), total.x, rtol=1e-5)


def test_regions_that_cannot_be_told_apart_are_said_so(tables: Tables) -> None:
    assert "not certain" in statement(regions.region_ranking(tables))
    assert tables.regions is not None
    sure = tables.regions.assign(lower=tables.regions["effect"], upper=tables.regions["effect"])
    assert "not certain" not in statement(regions.region_ranking(replace(tables, regions=sure)))


def test_gaps_and_outliers_are_counted(tables: Tables) -> None:
    assert (
        statement(quality.coverage(tables))
        == "0.5 % of 1,248 cells lack a KPI, in 1 region; 1 cell stands out"
    )


def test_a_channel_has_one_colour_in_every_view(tables: Tables) -> None:
    wanted = theme.channel_colours(tables.channels)
    bars = contributions.channel_shares(tables).data[0]
    drawn = {"shares": dict(zip(bars.y, bars.marker.color, strict=True))}
    nodes = network.dag(tables).data[1]
    drawn["dag"] = dict(zip(tables.channels, nodes.marker.color, strict=True))
    totals = effects.effects(tables).data[0]
    drawn["effects"] = dict(zip(totals.y, totals.marker.color, strict=True))

    assert all(colours == wanted for colours in drawn.values())
    assert len(set(wanted.values())) == len(wanted)


def test_headings_of_carry_over_have_names_for_people(tables: Tables) -> None:
    """A name that fits stands first, one that would be cut after its figure; neither is a column's."""
    assert tables.adstock is not None
    called = dict(
        zip(tables.channels, ("out_of_home", "paid_search_non_brand_google_and_bing"), strict=False)
    )
    frame = tables.adstock.assign(channel=tables.adstock["channel"].map(called)).dropna(subset=["channel"])
    figure = dynamics.carryover(replace(tables, adstock=frame, effects=None))
    shown = " ".join(note.text for note in figure.layout.annotations).replace("</b><br><b>", " ")

    assert re.search(r"Out of home: [\d.]+\u00a0weeks?", shown)
    assert re.search(r"[\d.]+\u00a0weeks?: paid search", shown)


def test_axes_say_what_they_measure(tables: Tables) -> None:
    assert axis_titles(fit.national(tables)) == ["Visits per week"]
    assert axis_titles(returns.roi(tables)) == ["USD of KPI value per USD of spend"]
    assert axis_titles(contributions.channel_shares(tables)) == ["Share of visits in the training window"]


def test_long_series_are_thinned_with_a_note(tables: Tables) -> None:
    dates = pd.date_range("2020-01-01", periods=1400, freq="D")
    value = np.arange(1400.0) + 5000
    cells = pd.DataFrame(
        {"region": "all", "date": dates, "split": "train", "actual": value, "predicted": value,
         "lower": value - 9,
         "upper": value + 9}
    )  # fmt: skip
    figure = fit.national(replace(tables, predictions=cells))

    assert max(len(trace.x) for trace in figure.data) <= marks.MAX_POINTS
    assert any("means over 6 weeks" in note for note in figure.layout.meta["notes"])


def test_the_estimators_pictures_are_views(tables: Tables) -> None:
    assert plot_contributions(tables).to_json() == contributions.stacked(tables).to_json()
    assert plot_dag(tables).to_json() == network.dag(tables).to_json()


def test_names_with_markup_stay_text(tables: Tables) -> None:
    assert tables.effects is not None
    odd = tables.effects.assign(channel=["<b>x</b>", *tables.effects["channel"].iloc[1:]])
    figure = effects.effects(replace(tables, effects=odd))

    assert "&lt;b&gt;x&lt;/b&gt;" in figure.layout.yaxis.ticktext


def test_names_that_begin_alike_keep_rows_of_their_own(tables: Tables) -> None:
    """Channels of a media plan differ in their last words; a map with one row for two would be wrong."""
    names = [f"Programmatic Display - Prospecting {number}" for number in range(3)]
    grid = pd.DataFrame([(a, b, 0.5) for a in names for b in names if a < b], columns=["a", "b", "value"])
    figure = quality.correlations(replace(tables, correlations=grid))

    assert list(figure.data[0].y) == names[1:]
    assert figure.layout.yaxis.ticktext[0] == "Programmatic Display -<br>Prospecting 1"


def test_a_correlation_of_nearly_nothing_has_no_sign(tables: Tables) -> None:
    grid = pd.DataFrame({"a": ["tv", "tv"], "b": ["radio", "search"], "value": [-0.001, -0.5]})
    figure = quality.correlations(replace(tables, correlations=grid))

    assert {cell for row in figure.data[0].text for cell in row if cell} == {"0.00", "\u22120.50"}
