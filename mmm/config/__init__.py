"""Specifications: what a user may set, with its default, its range and its reason.

Every field carries its meaning where it is declared; unknown keys are refused.
"""

from __future__ import annotations

from mmm.config.base import PLACE_ONLY, Column, Count, Positive, Spec
from mmm.config.beliefs import Belief, ChannelBelief, ChannelPriors
from mmm.config.columns import ChannelColumns, ColumnsSpec
from mmm.config.data import DataSpec, FillSpec, RegionsSpec
from mmm.config.drivers import MediatorColumns, OrganicColumns, TreatmentColumns
from mmm.config.experiments import Experiment
from mmm.config.market import HolidaysSpec, MarketSpec, Name, Periods, PortfolioSpec, SplitsSpec
from mmm.config.model import (
    AdstockSpec,
    BaselineSpec,
    GraphSpec,
    LossSpec,
    ModelSpec,
    PriorSpec,
    RegionSpec,
    SaturationSpec,
    TemporalSpec,
)
from mmm.config.pool import PoolSpec
from mmm.config.sweep import Parameter, TuneSpec
from mmm.config.train import TrainSpec

__all__ = [
    "PLACE_ONLY",
    "AdstockSpec",
    "BaselineSpec",
    "Belief",
    "ChannelBelief",
    "ChannelColumns",
    "ChannelPriors",
    "Column",
    "ColumnsSpec",
    "Count",
    "DataSpec",
    "Experiment",
    "FillSpec",
    "GraphSpec",
    "HolidaysSpec",
    "LossSpec",
    "MarketSpec",
    "MediatorColumns",
    "ModelSpec",
    "Name",
    "OrganicColumns",
    "Parameter",
    "Periods",
    "PoolSpec",
    "PortfolioSpec",
    "Positive",
    "PriorSpec",
    "RegionSpec",
    "RegionsSpec",
    "SaturationSpec",
    "Spec",
    "SplitsSpec",
    "TemporalSpec",
    "TrainSpec",
    "TreatmentColumns",
    "TuneSpec",
]
