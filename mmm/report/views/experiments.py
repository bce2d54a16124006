"""Lift tests: what was measured beside what the model says of the same cells; and what tests would settle."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.design.best import best_tests, said
from mmm.report import axes, marks, remarks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables

NINETY = 1.645
"""Standard errors on either side that hold 90 % of a normal measurement."""
ASIDE = 0.14
"""Distance of either mark from the middle of its row."""
APART = 2.0
"""Standard errors from which test and model contradict each other, as in the findings."""
BESIDE = 0.16


def experiments(tables: Tables) -> go.Figure:
    """Measured and modelled lift of every test, with intervals."""
    rows = tables.frame("experiments")
    names = [_name(row, tables.names) for _, row in rows.iterrows()]
    title = f"Lift over the test, {tables.about.kpi}"
    unit = Unit.of(rows[["lift", "modelled"]])
    layout = {
        "xaxis": axes.linear(title, suffix=unit.suffix, zeroline=True, zerolinecolor=theme.FAINT),
        "yaxis": axes.rows(names, tickfont={"size": 11.5, "color": theme.INK}),
    }
    return theme.finish(
        _lifts(rows, unit, names, theme.channel_colours(tables.channels)),
        layout,
        title=_title(rows),
        height=110 + (14 + 16 * max(name.count("<br>") + 1 for name in names)) * len(names),
        legend=True,
        reading="Diamonds: what the test measured, with its 90 % interval. Dots: what the model says of "
        "exactly these regions and dates, the test being part of what it has learned from.",
        table=_table(rows, names),
    )


def _lifts(rows: pd.DataFrame, unit: Unit, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    """Measured and modelled lift beside each other in every row."""
    place = np.arange(len(rows), dtype=np.float64)
    reach, lift = unit(NINETY * rows["standard_error"]), unit(rows["lift"])
    shared: theme.Layout = {"text": names, "cliponaxis": False}
    measured = marks.dots(
        theme.fmt(lift),
        place - ASIDE,
        theme.INK,
        hover="%{text}<br>measured " + unit.hover("x"),
        **shared,
        name="Measured",
        error_x=marks.whiskers(lift, lift - reach, lift + reach),
    )
    measured["marker"] |= {"symbol": "diamond-open", "line": {"width": 2}}
    modelled = marks.dots(
        theme.fmt(unit(rows["modelled"])),
        place + ASIDE,
        [palette.get(str(channel), theme.ACCENT) for channel in rows["channel"]],
        hover="%{text}<br>modelled " + unit.hover("x"),
        **shared,
        name="The model, same cells",
        error_x=marks.whiskers(unit(rows["modelled"]), unit(rows["lower"]), unit(rows["upper"]), theme.SOFT),
    )
    return [measured, modelled]


def _name(row: pd.Series, known: Collection[str]) -> str:
    regions = remarks.parts_of(str(row["regions"]), known)
    where = regions[0] if len(regions) == 1 else words.count(len(regions), "region")
    who = theme.wrapped(str(row["channel"]), 30)
    when = f"{words.day(row['start'])} to {words.day(row['end'])}"
    return f"{who},<br>{theme.short(where, 30, verbatim=True)}<br>{when}"


def _title(rows: pd.DataFrame) -> str:
    apart = rows[rows["tension"].abs() > APART]
    tests = words.count(len(rows), "experiment")
    if apart.empty:
        return f"The model agrees with {tests}" if len(rows) == 1 else f"The model agrees with all {tests}"
    channels = words.listing(sorted({words.label(str(name)) for name in apart["channel"]}))
    if len(rows) == 1:
        return f"The data contradict the experiment on {channels}"
    return f"The data contradict {len(apart)} of {tests}: on {channels}"


def _table(rows: pd.DataFrame, names: list[str]) -> theme.Layout:
    tests = [row | {"name": name} for name, row in zip(names, marks.records(rows), strict=True)]
    return marks.table(
        tests,
        {
            "Test": lambda row: str(row["name"]).replace(",<br>", ", ").replace("<br>", ", "),
            "Change of spend": lambda row: words.number(float(row["spend_change"])),
            "Measured": lambda row: words.number(float(row["lift"]), 3),
            "Standard error": lambda row: words.number(float(row["standard_error"])),
            "Modelled": lambda row: words.number(float(row["modelled"]), 3),
            "Interval": lambda row: words.span(float(row["lower"]), float(row["upper"])),
            "Apart": lambda row: f"{abs(float(row['tension'])):.1f} standard errors",
        },
    )


# --- tests that might be made ------------------------------------------------------------------------


def settles(tables: Tables) -> go.Figure:
    """Width of each channel's interval now, and after its best test, relative to its effect."""
    best = best_tests(tables.frame("tests"))
    if best.empty:
        raise MissingTableError("no test in tests.parquet can be made")
    best = best.assign(**_open_shares(best, tables)).sort_values("now", ascending=False)
    if not best["now"].notna().any():
        raise MissingTableError("the model tells no intervals, so nothing says what a test would narrow")
    names = best["channel"].astype(str).tolist()
    texts = [theme.wrapped(name) for name in names]
    layout = {
        "xaxis": axes.linear(
            "Half of the 90 % interval over the effect", suffix=axes.PERCENT, rangemode="tozero"
        ),
        "yaxis": axes.rows(texts, tickfont=axes.row_font(texts)),
    }
    return theme.finish(
        _settled_pairs(best, names, theme.channel_colours(tables.channels)),
        layout,
        title=_settled_title(best),
        height=94 + 42 * len(names) + 66,
        legend=True,
        reading="Filled: how sure the model is of what the channel brings. Open: how sure it is expected to "
        "be after the channel's best test. Where the two lie on each other no test at hand tells much.",
        table=_settled_table(best, tables),
    )


def _open_shares(best: pd.DataFrame, tables: Tables) -> dict[str, np.ndarray]:
    """Half widths in per cent of the channel's direct effect."""
    effects = tables.frame("effects").assign(channel=lambda frame: frame["channel"].astype(str))
    direct = best["channel"].astype(str).map(effects.set_index("channel")["direct"].astype(float))
    of = np.where(direct.to_numpy(float) > 0, direct.to_numpy(float), np.nan)
    return {
        "now": 50 * best["width_now"].to_numpy(float) / of,
        "after": 50 * best["width_after"].to_numpy(float) / of,
    }


def _settled_pairs(best: pd.DataFrame, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    place = np.arange(len(best), dtype=float)
    colours = [palette.get(name, theme.ACCENT) for name in names]
    told = [said(row) for row in marks.records(best)]
    traces = []
    for column, label, shift, symbol in (
        ("now", "now", -BESIDE, "circle"),
        ("after", "after its best test", BESIDE, "circle-open"),
    ):
        hover = f"%{{text}}, {label}: ± %{{x:.0f}} %<br>%{{customdata}}"
        style: theme.Layout = {"text": names, "customdata": told, "rim": (2, colours)}
        traces.append(marks.dots(best[column], place + shift, colours, 10, symbol, hover=hover, **style))
        traces.append(marks.key(label, theme.SOFT, 10, symbol, 2))
    return traces


def _settled_title(best: pd.DataFrame) -> str:
    chosen = best[best["recommended"].astype(bool)]
    if chosen.empty:
        valued = bool(best["net"].notna().any())
        return "No test is worth its cost" if valued else "What a test of each channel would tell"
    row = marks.records(chosen)[0]
    name = words.capital(words.label(str(row["channel"])))
    if not words.known(row["net"]):
        return f"{name}: {said(row)} would tell most"
    gain = words.money(float(row["net"]), str(row["currency"]))
    return f"{name}: {said(row)} is expected to gain {gain} net of its cost"


def _settled_table(best: pd.DataFrame, tables: Tables) -> theme.Layout:
    currency = tables.about.currency
    return marks.table(
        marks.records(best),
        {
            "Channel": lambda row: str(row["channel"]),
            "What would settle it": said,
            "Sees its effect in": lambda row: words.percent(float(row["power"])),
            f"Value, {currency}": lambda row: words.number(words.real(row["value"]), 3),
            "Cost": lambda row: words.number(words.real(row["cost"]), 3),
            "Net": lambda row: words.number(words.real(row["net"]), 3),
            "Why not": lambda row: str(row["why_not"] or "-"),
        },
    )
