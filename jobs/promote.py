"""``python -m jobs.promote``: see what waits, let a challenger take over, go back to the one before.

Exit status: 0 done, 1 MLflow does not answer, 2 the input must be corrected.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from jobs.command import DONE, run_command, say
from jobs.options import add_tracking, count, job_parser
from jobs.record.store import absolute
from jobs.record.tracking import NO_TRACKING, open_tracking
from jobs.record.versions import CHALLENGER, CHAMPION, PREVIOUS, Registry, RegistryError, Version, model_name


def promote(registry: Registry, brand: str, market: str, version: int | None = None) -> Version:
    """Make a version champion.

    Args:
        registry: Registered models.
        brand: Brand.
        market: Market.
        version: Its number; None takes the challenger.

    Raises:
        RegistryError: No such version, or nothing waits.
    """
    name = model_name(brand, market)
    if version is not None:
        return registry.promote(registry.version(name, version))
    return registry.promote(_required(registry, name, CHALLENGER, "nothing waits as challenger"))


def roll_back(registry: Registry, brand: str, market: str) -> Version:
    """Make the champion before the present one champion again.

    Raises:
        RegistryError: There was none before.
    """
    name = model_name(brand, market)
    return registry.promote(_required(registry, name, PREVIOUS, "there was no champion before this one"))


def _required(registry: Registry, name: str, alias: str, otherwise: str) -> Version:
    found = registry.by_alias(name, alias)
    if found is None:
        raise RegistryError(f"{name}: {otherwise}. See `python -m jobs.promote --list`.")
    return found


def show(registry: Registry, console: Console) -> None:
    """Print every brand-market with its champion and what waits."""
    table = Table(title="Registered models", title_justify="left")
    for heading in ("brand", "market", CHAMPION, CHALLENGER, PREVIOUS, "why it waits"):
        table.add_column(heading)
    keys = registry.keys()
    for name, aliases in sorted(registry.models().items()):
        waiting = registry.by_alias(name, CHALLENGER)
        numbers = [str(aliases.get(alias, "-")) for alias in (CHAMPION, CHALLENGER, PREVIOUS)]
        table.add_row(*keys[name], *numbers, waiting.reason if waiting else "")
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = job_parser("jobs.promote", "Decide by hand which fitted model a brand-market uses.")
    parser.add_argument("brand", nargs="?", help="brand")
    parser.add_argument("market", nargs="?", help="market")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--version", type=count, help="version to promote; by default the challenger")
    what.add_argument("--rollback", action="store_true", help="back to the champion before")
    what.add_argument("--list", action="store_true", help="show what is in use and what waits")
    parser.add_argument("--out", default="out/refit", help="place of the refit's results (default out/refit)")
    add_tracking(parser, "in --out")
    options = parser.parse_args(arguments)
    if not options.list and options.market is None:
        parser.error("name a brand and a market, or give --list")
    if options.tracking == NO_TRACKING:
        parser.error(f"--tracking {NO_TRACKING} has no registry")

    def work() -> int:
        tracking = open_tracking(options.tracking, absolute(options.out))
        if tracking is None:
            raise RegistryError(f"MLFLOW_TRACKING_URI={NO_TRACKING} has no registry. Give --tracking URI.")
        registry = Registry(tracking)
        if options.list:
            show(registry, Console())
            return DONE
        if options.rollback:
            version = roll_back(registry, options.brand, options.market)
        else:
            version = promote(registry, options.brand, options.market, options.version)
        say(f"{options.brand} / {options.market}: version {version.number} is champion")
        return DONE

    return run_command(work, "interrupted; see what is in use with --list")


if __name__ == "__main__":
    sys.exit(main())
