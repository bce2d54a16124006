"""Controls and events after the data as a request states them: promotion weeks, prices to come.

Shapes: G regions, H periods of the horizon, K controls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from mmm.config.problems import nearest
from mmm.data.panel import Floats, Panel
from mmm.data.schema import named
from mmm.errors import Problem
from mmm.planning.fields import as_number, show
from mmm.words import DUST, number

MOST_VALUE = 1e15
"""Largest value of a control, as in a panel."""

Path = float | str | tuple[float | str, ...]
"""A value for the whole horizon, or one for each period; names for events that are text."""


def _check_value(value: object) -> float | str:
    found = as_number(value)
    if found is not None and math.isfinite(found) and abs(found) <= MOST_VALUE:
        return found
    if isinstance(value, str) or value is None:
        return "" if value is None else value.strip()
    text = "is {value}; expected a number, a list of them by period, or either by region"
    raise PydanticCustomError("bad_control", text, {"value": show(value)})


def _check_path(value: object) -> Path:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_check_value(item) for item in value)
    return _check_value(value)


def check_controls(value: object) -> object:
    """Paths by control, each a number, a list by period, or either by region."""
    if not isinstance(value, Mapping):
        text = "is {value}; expected paths by control, e.g. promo: [1, 0, 0, 1]"
        raise PydanticCustomError("bad_controls", text, {"value": show(value)})
    return {
        str(name): {str(region): _check_path(own) for region, own in path.items()}
        if isinstance(path, Mapping)
        else _check_path(path)
        for name, path in value.items()
    }


ControlPaths = Annotated[dict[str, Path | dict[str, Path]], BeforeValidator(check_controls)]
"""Values of controls after the data, by name; what is null or empty stays as it is taken otherwise."""


def control_problems(panel: Panel, paths: Mapping[str, Any], horizon: int) -> Iterator[Problem]:
    """Everything in stated controls that this model and horizon cannot mean."""
    for name, path in paths.items():
        place = f"controls.{name}"
        events = _events(panel, name)
        if name not in panel.controls and not events:
            known = [*dict.fromkeys(control.split(": ")[0] for control in panel.controls)]
            close = nearest(name, known, count=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            listed = f"Known: {', '.join(known)}." if known else "It has none."
            yield Problem("unknown_control", place, f"the model has no control {name!r}.{hint} {listed}")
            continue
        by_region = path if isinstance(path, Mapping) else {"": path}
        if isinstance(path, Mapping):
            yield from _region_problems(place, path, panel.regions)
        for region, own in by_region.items():
            where = f"{place}.{region}".rstrip(".")
            yield from _path_problems(where, own, events, horizon, is_number=name in panel.controls)


def _region_problems(place: str, path: Mapping[str, Any], regions: Sequence[str]) -> Iterator[Problem]:
    for region in path:
        if region not in regions:
            yield Problem("unknown_region", place, f"unknown region {region!r}; name those of the model.")
    missing = [region for region in regions if region not in path]
    if missing:
        text = f"gives no values for {len(missing)} of {len(regions)} regions: {named(missing)}. Add them."
        yield Problem("missing_regions", place, text)


def _path_problems(
    place: str, path: Path, events: Mapping[str, int], horizon: int, *, is_number: bool
) -> Iterator[Problem]:
    if isinstance(path, tuple) and len(path) != horizon:
        text = f"has {len(path)} values; expected one for each of the {horizon} periods of the horizon."
        yield Problem("wrong_length", place, text)
    values = path if isinstance(path, tuple) else (path,)
    texts = [value for value in values if isinstance(value, str) and value]
    if is_number and texts:
        yield Problem("bad_control", place, f"is {show(texts[0])}; a value of this control is a number.")
    for text in texts:
        if not is_number and _plain(text) not in {"", "none", *events}:
            known = ", ".join(repr(event) for event in events)
            yield Problem("unknown_event", place, f"unknown event {text!r}; known: none, {known}.")
            return


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _events(panel: Panel, column: str) -> dict[str, int]:
    """Events of a column of text, by name, with their positions among the controls."""
    start = f"{column}: "
    return {
        _plain(control.removeprefix(start)): k
        for k, control in enumerate(panel.controls)
        if control.startswith(start)
    }


def with_stated(ahead_GHK: Floats, panel: Panel, paths: Mapping[str, Any]) -> Floats:
    """Controls after the data with stated ones in place of what is taken of them otherwise.

    Args:
        ahead_GHK: Controls as they are taken without being stated.
        panel: The model's data.
        paths: Stated controls without problems.
    """
    stated_GHK = ahead_GHK.copy()
    for name, path in paths.items():
        by_region = path if isinstance(path, Mapping) else dict.fromkeys(panel.regions, path)
        for region, own in by_region.items():
            g = panel.regions.index(region)
            values = own if isinstance(own, tuple) else (own,) * ahead_GHK.shape[1]
            if name in panel.controls:
                path_H = stated_GHK[g, :, panel.controls.index(name)]
                path_H[:] = [
                    taken if value == "" else value for value, taken in zip(values, path_H, strict=True)
                ]
                continue
            words = [_plain(str(value)) for value in values]
            for event, k in _events(panel, name).items():
                stated_GHK[g, :, k] = [float(word == event) for word in words]
    return stated_GHK


def control_remarks(panel: Panel, paths: Mapping[str, Any]) -> Iterator[str]:
    """Stated values of controls and treatments that the data do not hold; each begins with its name."""
    for name, path in paths.items():
        if name not in panel.controls:
            continue
        seen = panel.controls_GTK[..., panel.controls.index(name)][panel.present_GT]
        low, high = float(seen.min()), float(seen.max())
        slack = DUST * max(high - low, abs(high))
        beyond = [value for value in _numbers(path) if not low - slack <= value <= high + slack]
        if beyond:
            furthest = max(beyond, key=lambda value: max(low - value, value - high))
            yield (
                f"{name}: stated at {number(furthest, 3)}, outside the {number(low, 3)} to {number(high, 3)} "
                "of the data; what it brings there is the fitted line's word, held at five deviations."
            )


def _numbers(path: Path | Mapping[str, Path]) -> Iterator[float]:
    """Every number that a path states."""
    for own in path.values() if isinstance(path, Mapping) else (path,):
        yield from (
            value for value in (own if isinstance(own, tuple) else (own,)) if isinstance(value, float)
        )
