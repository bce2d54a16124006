"""One market's spec and panel together, as far as both can be checked before a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmm.config import MarketSpec
from mmm.data.panel import Floats
from mmm.data.parts.outline import training_products
from mmm.data.read import PanelRead, read_panel
from mmm.data.schema import VALUE_NOT_STATED, Finding
from mmm.data.split import Split
from mmm.errors import PanelError, SpecError
from mmm.graph.channel_graph import check_graph
from mmm.graph.learn import MOST_SEARCHED, is_searchable

CELLS_PER_CHANNEL = 3
"""Training cells for each channel below which its level, carry-over and curve cannot all be learned: one for
its level, the rest for the shape that channels of a group share."""


def read_market(spec: MarketSpec) -> PanelRead:
    """The panel of a spec, once everything that can be known before a fit is found to be in order.

    Raises:
        SpecError: Settings that contradict one another.
        PanelError: The same with problems of the panel beside them, all of them.
    """
    problems = check_graph(spec.model.graph, tuple(spec.columns.media))
    try:
        read = read_panel(spec)
    except PanelError as error:
        raise PanelError(error.source, [*problems, *error.problems]) from error
    if problems:
        raise SpecError(f"{spec.brand} / {spec.market}", problems)
    return with_market_findings(spec, read)


def with_market_findings(spec: MarketSpec, read: PanelRead) -> PanelRead:
    """A panel that is read with what only spec and data together show."""
    products_CC = training_products(read.panel, read.split)
    found = market_findings(spec, products_CC, read.split, len(read.panel.regions))
    return replace(read, findings=(*read.findings, *found))


def market_findings(spec: MarketSpec, products_CC: Floats, split: Split, regions: int) -> list[Finding]:
    """What only spec and data together show.

    Args:
        spec: The market.
        products_CC: From :func:`mmm.data.parts.outline.training_products`.
        split: Windows.
        regions: Number of regions.
    """
    return [
        *breadth_findings(spec, products_CC, split.n_train, regions),
        *group_findings(spec),
        *knot_findings(spec, split),
        *money_findings(spec),
    ]


def knot_findings(spec: MarketSpec, split: Split) -> list[Finding]:
    """Knots of the level that lie further apart than the training window is long."""
    findings = []
    for name in ("national_knots", "regional_knots"):
        apart = getattr(spec.model.baseline, name)
        if apart is not None and apart >= split.n_train:
            findings.append(
                Finding(
                    "warning",
                    "knots_beyond_training",
                    f"model.baseline.{name}",
                    f"Knots {apart} periods apart leave none within the {split.n_train} of training.",
                    "The level is then a line at best, and media take what it cannot follow.",
                    "Lower it, or leave it out for the default.",
                )
            )
    return findings


def group_findings(spec: MarketSpec) -> list[Finding]:
    """Groups of one channel: a name that is mistyped, or one that does nothing."""
    groups = [channel.group for channel in spec.columns.media.values() if channel.group is not None]
    return [
        Finding(
            "warning",
            "lonely_group",
            f"group {group!r}",
            "It has one channel.",
            "Channels of a group share carry-over and saturation; one alone shares them with none.",
            "Correct the name of the group, or leave it out.",
        )
        for group in dict.fromkeys(groups)
        if groups.count(group) == 1
    ]


def money_findings(spec: MarketSpec) -> list[Finding]:
    """What of money is not stated, and what figures then mean."""
    open_fields = [name for name in ("kpi_value", "currency") if getattr(spec, name) is None]
    if spec.kpi_value is not None or not any(one.spend for one in spec.columns.channels.values()):
        return []
    return [
        Finding(
            "info",
            VALUE_NOT_STATED,
            ", ".join(open_fields),
            "What a KPI unit is worth is not stated.",
            "Returns are then KPI units per unit of currency spent, no return on investment; profit and a "
            "target ROI cannot be asked for.",
            "State kpi_value (a number, a column, or 1 if the KPI is money) and currency.",
        )
    ]


def breadth_findings(spec: MarketSpec, products_CC: Floats, n_train: int, regions: int) -> list[Finding]:
    """Whether there are more channels than the training periods can tell apart, and what is done about it.

    Args:
        spec: The market.
        products_CC: From :func:`mmm.data.parts.outline.training_products`.
        n_train: Training periods.
        regions: Number of regions.
    """
    channels, cells = len(products_CC), n_train * regions
    findings = []
    apart = min(distinct_channels(products_CC), cells // CELLS_PER_CHANNEL)
    groups = [channel.group for channel in spec.columns.media.values()]
    shapes = groups.count(None) + len({*groups} - {None})
    if channels + (CELLS_PER_CHANNEL - 1) * shapes > cells:
        findings.append(
            Finding(
                "warning",
                "too_many_channels",
                "channels",
                f"{channels} channels on {n_train} training periods: the data can tell about "
                f"{max(apart, 1)} apart.",
                "The effects of the others come from the priors, and curves of all of them are guesses.",
                "Give channels that act alike one `group`, whose shapes they share; sum campaigns into "
                "channels; or give more history.",
            )
        )
    if spec.model.graph.mode == "notears" and not is_searchable(channels, cells):
        findings.append(
            Finding(
                "warning",
                "graph_not_searched",
                "model.graph",
                f"Which of {channels} channels moves which is not searched: at most {MOST_SEARCHED}, and "
                "fewer than training cells, can be.",
                "Every channel then counts by itself; total effects are direct effects.",
                "Group channels, or give their order with model.graph.mode: triangular.",
            )
        )
    return findings


def distinct_channels(products_CC: Floats) -> int:
    """How many channels vary by themselves in training: the effective rank of their correlations."""
    size_C = np.sqrt(np.diag(products_CC))
    moving_C = size_C > 0
    related = products_CC[np.ix_(moving_C, moving_C)] / np.outer(size_C[moving_C], size_C[moving_C])
    share = np.maximum(np.linalg.eigvalsh(related), 0.0) if len(related) else np.zeros(0)
    share = share[share > 0] / max(share.sum(), 1e-300)
    return round(float(np.exp(-(share * np.log(share)).sum()))) if len(share) else 0
