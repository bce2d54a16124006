"""Options that commands of jobs share, and how their values are read: one wording for each rule."""

from __future__ import annotations

import argparse
import math
import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def job_parser(module: str, description: str) -> argparse.ArgumentParser:
    """A parser of ``python -m module`` whose options are written out in full."""
    return argparse.ArgumentParser(prog=f"python -m {module}", description=description, allow_abbrev=False)


def add_set(parser: argparse.ArgumentParser, of: str = "") -> None:
    """``--set PATH=VALUE``, as often as wanted."""
    text = f"replace a setting {of}".rstrip()
    parser.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], help=text)


def add_address(parser: argparse.ArgumentParser) -> None:
    """``--address`` of a Ray cluster."""
    text = "Ray cluster to join; by default RAY_ADDRESS, else one is started here"
    parser.add_argument("--address", help=text)


def add_cpus(parser: argparse.ArgumentParser) -> None:
    """``--cpus`` of a cluster of the command's own."""
    parser.add_argument("--cpus", type=count, help="CPUs of a cluster started here; by default all")


def add_tracking(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """``--tracking``; ``otherwise`` says where runs are recorded if nothing names a place."""
    text = f"MLflow; default MLFLOW_TRACKING_URI, else {otherwise}"
    parser.add_argument("--tracking", metavar="URI", help=text)


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    if not (value := _number(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def not_negative(text: str) -> float:
    """A number of at least 0."""
    if not (value := _number(text)) >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return value


def _number(text: str) -> float:
    """A finite number, NaN for anything else."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def time_limit(text: str) -> float:
    """A length of time such as ``90s``, ``30m`` or ``1h30m``, in seconds; a bare number is minutes."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        total = 60.0 * float(text)
    elif "".join(number + unit for number, unit in parts) != text:
        total = 0.0
    if total <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 90s, 30m or 1h30m")
    return total
