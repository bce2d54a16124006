"""A fitted model as plain arrays: what training gives and what analysis, serving and reports read.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmm.config import MarketSpec
from mmm.config.files import dump_yaml, parse_yaml, validate
from mmm.data.panel import Bools, Floats, Panel, Treatment
from mmm.data.scale import Scaling
from mmm.data.split import Split
from mmm.errors import ModelFileError
from mmm.graph.channel_graph import ChannelGraph
from mmm.model.scales import Scales
from mmm.model_files import (
    DAMAGE,
    check_digests,
    check_weights,
    read_arrays,
    read_json,
    write_arrays,
    write_provenance,
)
from mmm.output import MODEL_FOLDER, model_folder

if TYPE_CHECKING:
    from mmm.model.predictor import Predictor

LEFT_OUT = "left_out.npz"
"""Regions that opened too late to be fitted."""
CHAINS = "chains.npz"
"""Where the chains of the sampler ended."""
FEW = 8
"""Members whose mean stands for that of all."""
FORMAT = 2
"""Version of the files of ``model/``; others are refused."""
PARTS = "parts"
"""The same of a model in parts, and the folder that they lie in."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model with the data it was fitted on.

    Attributes:
        spec: The market and every setting.
        panel: The data.
        split: Its windows; the level is carried forward from the end of ``trained_until``.
        scaling: Units of the free parameters' world.
        scales: Prior scales found from the data.
        log_half_C: Log typical volume of each channel, in mean volumes.
        parameters: Free parameters by name, each with a leading M axis.
        graph: Which channels move which.
        trained_until: Periods that entered the final fit.
        trace: Columns of the training as lists, see ``mmm.train.fit.TRACE``.
        provenance: Fingerprint of the data, digest of the spec, seed, versions.
        left_out: Regions that opened too late to be fitted, on the same calendar; None without any.
        chains: Where the sampler's chains ended, by name, for refits to go on from; empty where none does.
    """

    spec: MarketSpec
    panel: Panel
    split: Split
    scaling: Scaling
    scales: Scales
    log_half_C: Floats
    parameters: Mapping[str, Floats]
    graph: ChannelGraph
    trained_until: int
    trace: Mapping[str, list[Any]]
    provenance: Mapping[str, Any]
    left_out: Panel | None = None
    chains: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def members(self) -> int:
        """Draws from the posterior, or members of the ensemble, M."""
        return len(self.parameters["noise"])

    @property
    def some(self) -> slice:
        """A few members, evenly spaced: their mean is asked where all of them would cost too much."""
        return slice(None, None, -(-self.members // FEW))

    @property
    def training_GT(self) -> Bools:
        """Cells of the training window that are present: what totals and shares are of."""
        return self.panel.present_GT & self.split.mask("train")[None, :]

    @cached_property
    def predictor(self) -> Predictor:
        """The model, ready to be asked; what is only read needs no torch."""
        from mmm.model.predictor import Predictor

        return Predictor(
            self.panel,
            self.scaling,
            self.spec.model,
            self.scales,
            self.parameters,
            self.log_half_C,
            self.trained_until,
            self.graph,
        )


def save_fitted(fitted: Fitted, directory: Path) -> None:
    """Write ``model/`` below a directory; arrays without pickle, the rest as YAML and JSON."""
    folder = directory / MODEL_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / "weights.npz", dict(fitted.parameters))
    write_arrays(folder / "scaling.npz", {**_arrays_of(fitted.scaling), "log_half_C": fitted.log_half_C})
    write_arrays(folder / "panel.npz", _arrays_of(fitted.panel))
    if fitted.left_out is not None:
        write_arrays(folder / LEFT_OUT, _arrays_of(fitted.left_out))
    if fitted.chains:
        write_arrays(folder / CHAINS, fitted.chains)
    write_arrays(folder / "graph.npz", _arrays_of(fitted.graph))
    weights = {name: list(value.shape) for name, value in fitted.parameters.items()}
    _save_texts(fitted, folder, FORMAT, {"weights": weights})


def save_outline(fitted: Fitted, directory: Path, parts: int) -> None:
    """Write ``model/`` of a model in parts: spec, trace and provenance, without weights or data.

    Args:
        fitted: Any part of it.
        directory: Directory of the whole; its parts are directories of their own below :data:`PARTS`.
        parts: How many there are.
    """
    folder = directory / MODEL_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _save_texts(fitted, folder, PARTS, {"parts": parts})


def _save_texts(fitted: Fitted, folder: Path, version: int | str, more: Mapping[str, Any]) -> None:
    """Spec, trace and, last, the provenance."""
    (folder / "spec.yaml").write_text(dump_yaml(fitted.spec), encoding="utf-8")
    provenance = {
        "format": version,
        "trained_until": fitted.trained_until,
        "split": [fitted.split.n_train, fitted.split.n_holdout, fitted.split.n_test],
        "scales": fitted.scales.as_dict(),
        **more,
        **fitted.provenance,
    }
    (folder / "trace.json").write_text(json.dumps(dict(fitted.trace)) + "\n", encoding="utf-8")
    write_provenance(folder / "provenance.json", provenance)


def load_fitted(directory: Path | str) -> Fitted:
    """Read a fitted model's directory.

    Raises:
        ModelFileError: No fitted model lies there, a file is missing or damaged, or the format is another.
    """
    folder = model_folder(directory)
    written = read_json(folder / "provenance.json")
    found = written.get("format")
    if found == PARTS:
        raise ModelFileError(
            f"{directory} is a model in {written.get('parts')} parts of some regions each, not to be read "
            f"as one. Name one of them, e.g. {directory}/{PARTS}/part-00000."
        )
    if found != FORMAT:
        raise ModelFileError(
            f"{folder} has format {found}, this program reads {FORMAT}. Fit the model again."
        )
    try:
        fitted = _read(folder, {name: value for name, value in written.items() if name != "format"})
        _check_extents(fitted)
    except ModelFileError:
        raise
    except DAMAGE as error:
        raise ModelFileError(
            f"{folder} is incomplete or damaged ({type(error).__name__}: {error}). Fit the model again."
        ) from error
    check_digests(folder / "provenance.json", written)
    return fitted


def _read(folder: Path, provenance: dict[str, Any]) -> Fitted:
    """The files as what they stand for; damage shows as an error of any kind."""
    provenance.pop("files", None)
    spec_text = (folder / "spec.yaml").read_text(encoding="utf-8")
    document = parse_yaml(spec_text, str(folder / "spec.yaml"))
    scaling = read_arrays(folder / "scaling.npz")
    parameters = read_arrays(folder / "weights.npz")
    check_weights(folder / "weights.npz", parameters, provenance.pop("weights"))
    return Fitted(
        spec=validate(MarketSpec, document.values, document.source, document.lines),
        panel=Panel(**_plain(Panel, read_arrays(folder / "panel.npz"))),
        log_half_C=scaling.pop("log_half_C"),
        scaling=Scaling(**_plain(Scaling, scaling)),
        split=Split(*provenance.pop("split")),
        scales=Scales(**provenance.pop("scales")),
        parameters=parameters,
        graph=ChannelGraph(**_plain(ChannelGraph, read_arrays(folder / "graph.npz"))),
        trained_until=provenance.pop("trained_until"),
        trace=read_json(folder / "trace.json"),
        provenance=provenance,
        left_out=_left_out(folder / LEFT_OUT),
        # Models of regional panels, of ensembles and of older programs have none.
        chains=read_arrays(folder / CHAINS) if (folder / CHAINS).exists() else {},
    )


def _left_out(path: Path) -> Panel | None:
    """Regions that opened too late; most models have none, older ones no such file."""
    return Panel(**_plain(Panel, read_arrays(path))) if path.exists() else None


def _check_extents(fitted: Fitted) -> None:
    """Whether the files belong together, as far as their extents say.

    Raises:
        ValueError: They do not.
    """
    panel, scaling, graph = fitted.panel, fitted.scaling, fitted.graph
    regions, periods, channels = len(panel.regions), len(panel.dates), len(panel.channels)
    extents = {
        "panel.npz": (panel.kpi_GT.shape == (regions, periods))
        and panel.media_GTC.shape == panel.spend_GTC.shape == (regions, periods, channels)
        and panel.controls_GTK.shape == (regions, periods, len(panel.controls))
        and (panel.contacts_GTC is None or panel.contacts_GTC.shape == panel.media_GTC.shape)
        and bool(np.isfinite(panel.media_GTC).all()),
        "scaling.npz": scaling.kpi_G.shape == scaling.size_G.shape == (regions,)
        and scaling.media_C.shape == fitted.log_half_C.shape == (channels,)
        and not np.isnan(fitted.log_half_C).any(),
        "graph.npz": graph.channels == panel.channels and graph.edges_CC.shape == (channels, channels),
        "provenance.json": fitted.split.n_periods == periods and 0 < fitted.trained_until <= periods,
    }
    if wrong := [name for name, fits in extents.items() if not fits]:
        raise ValueError(f"{' and '.join(wrong)}: not of the same model as the other files")


_PLAIN: dict[type, dict[str, str]] = {
    Panel: {
        "regions": "names",
        "channels": "names",
        "controls": "names",
        "frequency": "word",
        "currency": "word",
        "population_G": "optional",
        "contacts_GTC": "optional",
        "dates": "dates",
        "organic": "names",
        "mediators": "names",
        "treatments": "treatments",
    },
    Scaling: {"mean_kpi": "number"},
    ChannelGraph: {"channels": "names", "retention_K": "numbers", "delay_K": "numbers"},
}
"""Fields that are not arrays, and what they are."""


def _arrays_of(item: Any) -> dict[str, Any]:
    """Every field as an array that needs no pickle."""
    arrays: dict[str, Any] = {}
    for field_ in fields(item):
        value = getattr(item, field_.name)
        if not isinstance(value, np.ndarray) and value == field_.default:
            continue
        kind = _PLAIN.get(type(item), {}).get(field_.name)
        if kind == "dates":
            value = value.astype("datetime64[D]").astype("<i8")
        if kind == "treatments":
            value = [json.dumps(asdict(treatment)) for treatment in value]
        if kind in ("names", "word", "treatments"):
            value = np.array(value, dtype=np.str_)
        arrays[field_.name] = np.empty(0) if value is None else np.asarray(value)
    return arrays


def _plain(kind_of: type, arrays: dict[str, Any]) -> dict[str, Any]:
    """The inverse of ``_arrays_of``."""
    restored = dict(arrays)
    later = {item.name for item in fields(kind_of) if item.default is not MISSING}
    for name, kind in _PLAIN[kind_of].items():
        # Files that older programs wrote, or that need no such array, do not have it.
        if name in later and name not in restored:
            continue
        value = restored[name]
        if kind in ("names", "numbers"):
            restored[name] = tuple(value.tolist())
        elif kind == "treatments":
            restored[name] = tuple(Treatment(**json.loads(text)) for text in value.tolist())
        elif kind == "number":
            restored[name] = float(value)
        elif kind == "word":
            restored[name] = str(value)
        elif kind == "dates":
            restored[name] = value.astype("datetime64[D]")
        elif value.size == 0:
            restored[name] = None
    return restored
