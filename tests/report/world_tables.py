"""Tables of the model directory for the report's tests: returns, priors, lift tests.

Shapes: T periods, C channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from mmm.data.panel import Floats


class Sizes(Protocol):
    """What the tables need to know of the world."""

    @property
    def weeks(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def holdout(self) -> int: ...

    @property
    def test(self) -> int: ...

    @property
    def members(self) -> int: ...

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels."""

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions."""

    @property
    def dates(self) -> pd.DatetimeIndex:
        """First days of the periods."""


def bounds(members: int, values: Floats, width: Floats | float) -> tuple[Floats, Floats]:
    """Lower and upper, unknown with one member."""
    if members < 2:
        return np.full_like(values, np.nan), np.full_like(values, np.nan)
    return values - width * np.abs(values), values + width * np.abs(values)


def write_returns(directory: Path, world: Sizes, effect_TC: Floats, spend_TC: Floats, width: Floats) -> None:
    """Returns of the training window and its quarters, channel by channel and of all media."""
    train = world.weeks - world.holdout - world.test
    names = world.channel_names
    quarter_T = pd.PeriodIndex(world.dates, freq="Q")
    windows = {"training": np.arange(world.weeks) < train}
    windows |= {f"{q.year} Q{q.quarter}": windows["training"] & (quarter_T == q) for q in quarter_T.unique()}
    frames = []
    for name, window_T in windows.items():
        if not window_T.any():
            continue
        effect, spend = effect_TC[window_T].sum(0), spend_TC[window_T].sum(0)
        effect, spend = np.append(effect, effect.sum()), np.append(spend, spend.sum())
        frame = pd.DataFrame({"window": name, "channel": [*names, ""], "spend": spend})
        frame = frame.assign(media=np.append(spend[:-1], np.nan), start=world.dates[window_T][0])
        roi = np.where(spend > 0, 14 * effect / np.where(spend > 0, spend, 1), np.nan)
        for column, values in {"effect": effect, "value": 14 * effect, "roi": roi}.items():
            low, high = bounds(world.members, values, np.append(width, 0.1))
            frame[column], frame[f"{column}_lower"], frame[f"{column}_upper"] = values, low, high
        frames.append(frame)
    pd.concat(frames, ignore_index=True).to_parquet(directory / "returns.parquet")


def write_windows(directory: Path, world: Sizes, effect_TC: Floats, spend_TC: Floats, width: Floats) -> None:
    """Returns of every stretch of months of training."""
    train = world.weeks - world.holdout - world.test
    month_T = pd.PeriodIndex(world.dates[:train], freq="M")
    months, frames = month_T.unique(), []
    for i, first in enumerate(months):
        for last in months[i:]:
            inside_T = np.asarray((month_T >= first) & (month_T <= last))
            effect, spend = effect_TC[:train][inside_T].sum(0), spend_TC[:train][inside_T].sum(0)
            effect, spend = np.append(effect, effect.sum()), np.append(spend, spend.sum())
            roi = np.where(spend > 0, 14 * effect / np.where(spend > 0, spend, 1), np.nan)
            low, high = bounds(world.members, roi, np.append(width, 0.1))
            frame = pd.DataFrame({"channel": [*world.channel_names, ""], "spend": spend, "roi": roi})
            frame = frame.assign(roi_lower=low, roi_upper=high, first=first.start_time, last=last.start_time)
            frames.append(frame[frame["spend"] > 0])
    pd.concat(frames, ignore_index=True).to_parquet(directory / "windows.parquet")


def write_priors(directory: Path, world: Sizes, share: Floats) -> None:
    """Shares assumed and learned; of the last channel the data say nothing."""
    frame = pd.DataFrame({"channel": list(world.channel_names), "prior": share.mean(), "posterior": share})
    known = np.nan if world.members < 2 else 1.0
    frame["prior_lower"], frame["prior_upper"] = 0.0, 3 * share.mean() * known
    half = np.full(world.channels, 0.3 * share.mean())
    half[-1] = 1.5 * share.mean()
    frame["posterior_lower"], frame["posterior_upper"] = (share - half) * known, (share + half) * known
    frame["prior_lower"] *= known
    frame["quantity"], frame["source"] = "share", "default"
    stated = {"channel": [world.channel_names[0], world.channel_names[-1]], "source": ["stated", "test"]}
    stated["quantity"] = ["roi, 2024-01-01 to 2024-03-31, north", "test 2021-01-04 to 2021-03-28"]
    ends = {"prior": 2.0, "prior_lower": 1.0 * known, "prior_upper": 4.0 * known}
    ends |= {"posterior": 4.5, "posterior_lower": 3.9 * known, "posterior_upper": 5.0 * known}
    frame = pd.concat([frame, pd.DataFrame({**stated, **ends})], ignore_index=True)
    frame.loc[len(frame) - 1, ["posterior", "posterior_lower"]] = [2.2, 1.5 * known]
    frame.to_parquet(directory / "priors.parquet")


def write_reach(directory: Path, world: Sizes) -> None:
    """Reach and frequency of the first channel: people are reached more often than is best."""
    known = 1.0 if world.members > 1 else np.nan
    name, frequency = world.channel_names[0], np.linspace(1.0, 8.0, 15)
    response = 900.0 * frequency / (frequency**2 + 4.0)
    curve = {"channel": name, "curve": "frequency", "frequency": frequency, "response": response}
    bounded = {"lower": 0.8 * response * known, "upper": 1.2 * response * known}
    supported = {"supported": (frequency > 1.2) & (frequency < 5.0)}
    pd.DataFrame(curve | bounded | supported).to_parquet(directory / "frequency.parquet")
    best = {
        "channel": [name],
        "today": 4.0,
        "best": 2.0,
        "best_lower": 1.5 * known,
        "best_upper": 2.9 * known,
    }
    gain = {"gain": 45.0, "gain_lower": 20.0 * known, "gain_upper": 80.0 * known}
    band = {"band_lower": 1.7, "band_upper": 2.5, "advice": "lower", "chance_higher": 0.02 * known}
    pd.DataFrame(best | gain | band).to_parquet(directory / "best_frequency.parquet")


def write_experiments(directory: Path, world: Sizes) -> None:
    """Two lift tests: one the model agrees with, and one it contradicts."""
    known = 1.0 if world.members > 1 else np.nan
    first, last = world.channel_names[0], world.channel_names[-1]
    tests = pd.DataFrame(
        {
            "channel": [first, last],
            "regions": [", ".join(world.region_names[:5]), world.region_names[-1]],
            "start": [world.dates[20], world.dates[40]],
            "end": [world.dates[26], world.dates[48]],
            "spend_change": [12_000.0, -3_000.0],
            "lift": [5_400.0, -900.0],
            "standard_error": [600.0, 90.0],
            "modelled": [5_100.0, -1_350.0],
            "lower": [4_400.0 * known, -1_500.0 * known],
            "upper": [5_900.0 * known, -1_200.0 * known],
            "tension": [-0.6, -5.2],
        }
    )
    tests.to_parquet(directory / "experiments.parquet")


def write_tests(directory: Path, world: Sizes) -> None:
    """Two candidate tests of each channel; the first of the last channel is the one that pays."""
    names = list(world.channel_names)
    known = 1.0 if world.members > 1 else np.nan
    frames = [
        pd.DataFrame(
            {
                "recommended": np.arange(len(names)) == (len(names) - 1 if first else -1),
                "channel": names,
                "kind": "go_dark" if first else "heavy_up",
                "national": len(world.region_names) < 4,
                "treated": "; ".join(world.region_names[:3]),
                "weeks": 8,
                "blocks": 1,
                "standard_error": 100.0,
                "power": 0.8 if first else 0.3,
                "width_now": 1000.0 * known,
                "width_after": (700.0 if first else 900.0) * known,
                "value_kpi": 50.0 if first else 5.0,
                "value": 700.0 if first else 70.0,
                "cost": np.linspace(900.0, 100.0, len(names)) if first else 80.0,
                "net": 700.0 - np.linspace(900.0, 100.0, len(names)) if first else -10.0,
                "currency": "USD",
                "why_not": "" if first else "costs more than the decision gains by it",
            }
        )
        for first in (True, False)
    ]
    pd.concat(frames, ignore_index=True).to_parquet(directory / "tests.parquet")


def write_realised(directory: Path, world: Sizes) -> None:
    """Effects by quarter of the spend: four fifths in the same quarter, the rest in the next one."""
    train = world.weeks - world.holdout - world.test
    starts = pd.PeriodIndex(world.dates[:train], freq="Q").unique().start_time
    names = [*world.channel_names, ""]
    frames = []
    for after, part in ((0, 0.8), (1, 0.2)):
        for ran, realised in zip(starts[: len(starts) - after], starts[after:], strict=True):
            effect = part * np.linspace(4e4, 9e4, len(names))
            effect[-1] = effect[:-1].sum()
            low, high = bounds(world.members, effect, 0.15)
            frame = pd.DataFrame({"channel": names, "effect": effect, "lower": low, "upper": high})
            frames.append(frame.assign(ran=ran, realised=realised))
    pd.concat(frames, ignore_index=True).to_parquet(directory / "realised.parquet")
