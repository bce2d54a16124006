"""Tables of fitted models as planners exchange them, brand and market first."""

from __future__ import annotations

from mmm.export.find import models_below
from mmm.export.tables import TABLES, exported
from mmm.export.write import Format, write_tables

__all__ = ["TABLES", "Format", "exported", "models_below", "write_tables"]
