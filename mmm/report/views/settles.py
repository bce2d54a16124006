"""What would settle it: of every channel the test that tells most for its cost, as `mmm design` found it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables

ASIDE = 0.16
KINDS = {"hold_back": "hold back", "go_dark": "go dark", "heavy_up": "heavy up"}


def settles(tables: Tables) -> go.Figure:
    """Width of each channel's interval now, and after its best test, relative to its effect."""
    best = best_tests(tables.frame("tests"))
    if best.empty:
        raise MissingTableError("no test in tests.parquet can be made")
    best = best.assign(**_shares(best, tables)).sort_values("now", ascending=False)
    names = best["channel"].astype(str).tolist()
    ticks = {"size": 12.5, "color": theme.INK}
    layout = {
        "xaxis": axes.linear(
            "Half of the 90 % interval over the effect", suffix=axes.PERCENT, rangemode="tozero"
        ),
        "yaxis": axes.rows([theme.short(name) for name in names], tickfont=ticks),
    }
    return theme.finish(
        _pairs(best, names, theme.channel_colours(tables.channels)),
        layout,
        title=_title(best),
        height=94 + 42 * len(names) + 66,
        legend=True,
        reading="Filled: how sure the model is of what the channel brings. Open: how sure it is expected to "
        "be after the channel's best test. Where the two lie on each other no test at hand tells much.",
        table=_table(best, tables),
    )


def best_tests(tests: pd.DataFrame) -> pd.DataFrame:
    """Of each channel the test of the highest net value, else of the highest value, that can be made."""
    able = tests[tests["standard_error"].notna()]
    by = ["net", "value_kpi"] if able["net"].notna().any() else ["value_kpi"]
    ordered = able.sort_values(["recommended", *by], ascending=False)
    return ordered.drop_duplicates("channel").reset_index(drop=True)


def _shares(best: pd.DataFrame, tables: Tables) -> dict[str, np.ndarray]:
    """Half widths in per cent of the channel's direct effect."""
    effects = tables.frame("effects").assign(channel=lambda frame: frame["channel"].astype(str))
    direct = best["channel"].astype(str).map(effects.set_index("channel")["direct"].astype(float))
    of = np.where(direct.to_numpy(float) > 0, direct.to_numpy(float), np.nan)
    return {
        "now": 50 * best["width_now"].to_numpy(float) / of,
        "after": 50 * best["width_after"].to_numpy(float) / of,
    }


def _pairs(best: pd.DataFrame, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    place = np.arange(len(best), dtype=float)
    colours = [palette.get(name, theme.ACCENT) for name in names]
    told = [said(row) for row in marks.records(best)]
    traces = []
    for column, label, shift, symbol in (
        ("now", "now", -ASIDE, "circle"),
        ("after", "after its best test", ASIDE, "circle-open"),
    ):
        hover = f"%{{text}}, {label}: ± %{{x:.0f}} %<br>%{{customdata}}"
        style: theme.Layout = {"text": names, "customdata": told, "rim": (2, colours)}
        traces.append(marks.dots(best[column], place + shift, colours, 10, symbol, hover=hover, **style))
        traces.append(marks.key(label, theme.SOFT, 10, symbol, 2))
    return traces


def said(row: dict[str, object]) -> str:
    """``go dark for 8 weeks in 5 regions``."""
    kind = KINDS.get(str(row["kind"]), str(row["kind"]))
    weeks = words.count(int(float(str(row["weeks"]))), "week")
    if row["national"]:
        blocks = words.count(int(float(str(row["blocks"]))), "block")
        return f"{kind} in {blocks} of {weeks}"
    return f"{kind} for {weeks} in {words.count(len(str(row['treated']).split('; ')), 'region')}"


def _title(best: pd.DataFrame) -> str:
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


def _table(best: pd.DataFrame, tables: Tables) -> theme.Layout:
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
