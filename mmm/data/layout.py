"""Rows of a long table laid out as dense arrays over regions and periods.

Shapes: N rows, G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mmm.config import FillSpec, MarketSpec
from mmm.data.calendar import Calendar, holiday_counts
from mmm.data.panel import UNSTATED, Floats, Panel, Treatment
from mmm.data.schema import LongTable, event_label

Dense = Callable[[str | None], Floats]


def lay_out(table: LongTable, spec: MarketSpec, calendar: Calendar) -> Panel:
    """The panel of a table; rows without a region or off the calendar are left out.

    Args:
        table: Parsed rows. Where two share region and date the later one counts.
        spec: Roles of the columns and the fill policy.
        calendar: Periods to lay the rows out on.

    Returns:
        The panel. Columns that ``table`` lacks are taken as empty.

    Raises:
        SpecError: Holidays of an unknown country.
    """
    shape = (len(table.regions), len(calendar.dates_T))
    t_N = calendar.index(table.date_N)
    keep_N = (t_N >= 0) & (table.region_N >= 0)
    cell_N = table.region_N[keep_N] * shape[1] + t_N[keep_N]
    present_GT = np.zeros(shape, dtype=np.bool_)
    present_GT.flat[cell_N] = True

    def dense(column: str | None) -> Floats:
        grid_GT = np.full(shape, np.nan)
        if column is not None and column in table.numbers:
            grid_GT.flat[cell_N] = table.numbers[column][keep_N]
        return grid_GT

    columns = spec.columns
    media_GTC, spend_GTC = _media(spec, shape, dense)
    controls, controls_GTK = _controls(table, spec, calendar, present_GT, dense)
    population_GT = dense(columns.population) if columns.population is not None else None
    value_GT = dense(spec.kpi_value) if isinstance(spec.kpi_value, str) else np.full(shape, 1.0)
    if isinstance(spec.kpi_value, float | int):
        value_GT = np.full(shape, float(spec.kpi_value))
    listed = columns.media.values()
    return Panel(
        regions=table.regions,
        dates=calendar.dates_T,
        frequency=calendar.frequency,
        channels=tuple(columns.media),
        controls=controls,
        present_GT=present_GT,
        kpi_GT=dense(columns.kpi),
        media_GTC=media_GTC,
        spend_GTC=spend_GTC,
        has_spend_C=np.array([channel.spend is not None for channel in listed]),
        has_exposure_C=np.array([channel.drives is not None for channel in listed]),
        controls_GTK=controls_GTK,
        population_G=None if population_GT is None else _first_known(population_GT),
        kpi_value_GT=_carried(value_GT),
        currency=UNSTATED if spec.currency is None else spec.currency,
        contacts_GTC=_contacts(spec, media_GTC, dense),
        organic=tuple(columns.organic),
        mediators=tuple(columns.mediators),
        treatments=tuple(
            Treatment(name, own.reference, own.carry_over) for name, own in columns.treatments.items()
        ),
    )


def _media(spec: MarketSpec, shape: tuple[int, int], dense: Dense) -> tuple[Floats, Floats]:
    """Media and spend, G x T x C; 0 where absent or empty."""
    channels = spec.columns.media.values()
    media_GTC = np.zeros((*shape, len(channels)))
    spend_GTC = np.zeros_like(media_GTC)
    for c, channel in enumerate(channels):
        if channel.spend is not None:
            spend_GTC[:, :, c] = np.nan_to_num(dense(channel.spend), nan=0.0)
        drives = channel.drives
        media_GTC[:, :, c] = spend_GTC[:, :, c] if drives is None else np.nan_to_num(dense(drives), nan=0.0)
    return media_GTC, spend_GTC


def _contacts(spec: MarketSpec, media_GTC: Floats, dense: Dense) -> Floats | None:
    """Contacts per person reached, G x T x C; None where no channel states them, NaN for those that do not.

    Where nobody is reached they are those of the channel's average contact, which enter nothing.
    """
    channels = spec.columns.media.values()
    if all(channel.reach is None for channel in channels):
        return None
    contacts_GTC = np.full_like(media_GTC, np.nan)
    for c, channel in enumerate(channels):
        if channel.reach is None:
            continue
        reach_GT = media_GTC[:, :, c]
        if channel.frequency is not None:
            each_GT = np.nan_to_num(dense(channel.frequency), nan=1.0)
        else:
            all_GT = np.nan_to_num(dense(channel.impressions), nan=0.0)
            each_GT = np.divide(all_GT, reach_GT, out=np.ones_like(all_GT), where=reach_GT > 0)
        total = float(reach_GT.sum())
        usual = float((reach_GT * each_GT).sum()) / total if total > 0 else 1.0
        contacts_GTC[:, :, c] = np.where(reach_GT > 0, each_GT, usual)
    return contacts_GTC


def _events(spec: MarketSpec, table: LongTable) -> list[str]:
    """Columns of events; one of names is there as one column for each of them."""
    found: list[str] = []
    for column in spec.columns.events:
        own = [name for name in table.numbers if name.startswith(event_label(column, ""))]
        found += [column] if column in table.numbers or not own else own
    return found


def _controls(
    table: LongTable, spec: MarketSpec, calendar: Calendar, present_GT: npt.NDArray[np.bool_], dense: Dense
) -> tuple[tuple[str, ...], Floats]:
    """Names and values of controls, events, holidays and treatments, G x T x K, filled as the spec says."""
    own = (*spec.columns.controls, *_events(spec, table))
    treated = spec.columns.treatment_columns()
    filled_GTK = np.empty((*present_GT.shape, len(own) + len(treated)))
    for k, column in enumerate((*own, *treated.values())):
        filled_GTK[:, :, k] = fill_control(dense(column), present_GT, spec.data.fill)
    if spec.holidays is None:
        return (*own, *treated), filled_GTK
    names, counts_TH = holiday_counts(calendar.dates_T, calendar.frequency, spec.holidays)
    national_GTH = np.broadcast_to(counts_TH, (present_GT.shape[0], *counts_TH.shape))
    controls_GTK, treated_GTR = filled_GTK[..., : len(own)], filled_GTK[..., len(own) :]
    every_GTK = np.concatenate([controls_GTK, national_GTH, treated_GTR], axis=2)
    return (*own, *names, *treated), every_GTK


def fill_control(control_GT: Floats, present_GT: npt.NDArray[np.bool_], fill: FillSpec) -> Floats:
    """A control with empty cells of present rows filled as asked, then absent cells by the region's mean.

    A region without any value keeps NaN where it is present, unless the policy is ``zero``.
    """
    filled_GT = control_GT
    if fill.controls == "zero":
        filled_GT = np.where(present_GT & np.isnan(filled_GT), 0.0, filled_GT)
    elif fill.controls == "previous":
        filled_GT = _carried(filled_GT)
    known_GT = present_GT & np.isfinite(filled_GT)
    count_G1 = known_GT.sum(axis=1, keepdims=True)
    sum_G1 = np.where(known_GT, filled_GT, 0.0).sum(axis=1, keepdims=True)
    mean_G1 = np.where(count_G1 > 0, sum_G1 / np.maximum(count_G1, 1), np.nan)
    if fill.controls == "mean":
        filled_GT = np.where(known_GT, filled_GT, mean_G1)
    return np.where(present_GT, filled_GT, np.nan_to_num(mean_G1, nan=0.0))


def _carried(values_GT: Floats) -> Floats:
    """Empty cells take the region's value before, the first ones the value after."""
    known_GT = np.isfinite(values_GT)
    if known_GT.all():
        return values_GT
    position_T = np.arange(values_GT.shape[1])
    before_GT = np.maximum.accumulate(np.where(known_GT, position_T, -1), axis=1)
    first_G1 = np.argmax(known_GT, axis=1)[:, None]
    return np.take_along_axis(values_GT, np.where(before_GT < 0, first_G1, before_GT), axis=1)


def _first_known(values_GT: Floats) -> Floats:
    first_G1 = np.argmax(np.isfinite(values_GT), axis=1)[:, None]
    return np.take_along_axis(values_GT, first_G1, axis=1)[:, 0]
