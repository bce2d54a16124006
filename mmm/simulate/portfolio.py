"""Simulate markets and whole portfolios whose truth is known.

:func:`simulate_market` gives one world in memory, :func:`write_portfolio` a portfolio on disk.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmm.errors import OutputError, Problem, SpecError
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.drivers import Drivers, with_drivers
from mmm.simulate.truth import write_truth
from mmm.simulate.worlds import World

__all__ = ["Design", "simulate_market", "write_portfolio"]

HOLDOUT = 13
BRANDS = ("acme", "borealis", "cirrus", "dorado", "everest", "fjord")
MARKETS = ("us", "de", "uk", "fr", "jp", "br")


def write_portfolio(
    out: Path,
    *,
    brands: int = 3,
    markets: int = 2,
    regions: int = 12,
    weeks: int = 156,
    channels: int = 8,
    seed: int = 0,
    reach: int = 0,
    drivers: bool = False,
    organic_reach: int = 0,
    force: bool = False,
) -> Path:
    """Write panels, specs and truth of ``brands`` x ``markets`` simulated markets below ``out``.

    ``panel/brand=…/market=…/part-0.parquet``, ``portfolio.yaml``, ``specs/<brand>_<market>.yaml`` and
    ``truth/<brand>_<market>/`` with the tables of :func:`mmm.simulate.truth.write_truth` over all weeks but
    the holdout. With ``drivers`` every market has organic media, a mediator, price and promotions as well;
    of ``organic_reach`` of its organic media reach and frequency are known.

    Returns:
        Path of ``portfolio.yaml``.

    Raises:
        SpecError: Numbers that cannot be drawn.
        OutputError: ``out`` already holds something and ``force`` is false.
    """
    design = Design(regions=regions, weeks=weeks, channels=channels, reach=reach)
    least = (("brands", brands, 1), ("markets", markets, 1), ("seed", seed, 0))
    problems = [
        Problem("out_of_range", name, f"is {value}; it must be at least {lowest}.")
        for name, value, lowest in least
        if value < lowest
    ]
    if organic_reach and not drivers:
        text = f"is {organic_reach}, but without drivers there are no organic media; ask for drivers as well."
        problems.append(Problem("out_of_range", "organic_reach", text))
    if problems:
        raise SpecError("The simulated portfolio", problems)
    added = Drivers(mediators=1, reach=organic_reach) if drivers else None
    _clear(out, force=force)
    for b in range(brands):
        for m in range(markets):
            own_seed = int(np.random.SeedSequence([seed, b, m]).generate_state(1)[0])
            world = simulate_market(
                design, brand=_name(BRANDS, "brand", b), market=_name(MARKETS, "market", m), seed=own_seed
            )
            if added is not None:
                world = with_drivers(world, added)
            _write_market(world, out)
    path = out / "portfolio.yaml"
    path.write_text(_yaml({"defaults": shared_spec(world), "markets": "panel"}), encoding="utf-8")
    return path


def _name(names: tuple[str, ...], kind: str, index: int) -> str:
    return names[index] if index < len(names) else f"{kind}{index + 1}"


def _clear(out: Path, *, force: bool) -> None:
    """Make ``out`` ready, removing only what a portfolio consists of, and only if told to."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (force and out.is_dir()):
        raise OutputError(
            f"{out} already holds something. Choose an empty directory or replace it with force."
        )
    for part in ("panel", "specs", "truth"):
        if (out / part).exists():
            shutil.rmtree(out / part)
        (out / part).mkdir(parents=True)


def _write_market(world: World, out: Path) -> None:
    key = f"{world.brand}_{world.market}"
    partition = Path("panel") / f"brand={world.brand}" / f"market={world.market}" / "part-0.parquet"
    (out / partition).parent.mkdir(parents=True)
    world.frame().to_parquet(out / partition, index=False)
    spec = {
        "brand": world.brand,
        "market": world.market,
        "data": {"path": f"../{partition.as_posix()}"},
        **shared_spec(world),
    }
    (out / "specs" / f"{key}.yaml").write_text(_yaml(spec), encoding="utf-8")
    write_truth(world, out / "truth" / key, len(world.dates) - HOLDOUT)


def shared_spec(world: World) -> dict[str, Any]:
    """A market spec of a simulated world without brand, market and data: what all of a portfolio share."""
    regional = {"region": "region", "population": "population"} if len(world.regions) > 1 else {}
    media = {
        channel: {"spend": f"{channel}_spend"} | ({"exposure": f"{channel}_impressions"} if exposure else {})
        for channel, exposure, bought in zip(
            world.channels, world.has_exposure_C, world.bought_C, strict=True
        )
        if bought
    }
    reached = [] if world.reach is None else [world.channels[place] for place in world.reach.places]
    for name in (one for one in reached if one in media):
        media[name] = {kind: f"{name}_{kind}" for kind in ("spend", "reach", "frequency")}
    signs = {"price": "negative", "promotion": "positive"}
    held = {"organic": world.organic, "mediators": world.mediators}
    drivers: dict[str, Any] = {
        role: {
            name: {kind: f"{name}_{kind}" for kind in ("reach", "frequency")}
            if name in reached
            else {"exposure": f"{name}_impressions"}
            for name in names
        }
        for role, names in held.items()
        if names
    }
    if world.treatments:
        pairs = zip(world.treatments, world.references, strict=True)
        drivers["treatments"] = {name: {"reference": at, "sign": signs[name]} for name, at in pairs}
    return {
        "columns": {
            **regional,
            "date": "date",
            "kpi": "kpi",
            "channels": media,
            **drivers,
            "controls": list(world.controls),
        },
        "currency": "USD",
        "kpi_value": world.kpi_value,
        "splits": {"holdout": HOLDOUT, "test": 0},
    }


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
