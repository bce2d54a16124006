from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from jobs.record.ledger import Standing
from jobs.record.rows import Row
from jobs.record.store import ROW
from jobs.refit.adapt import EPOCHS_KEPT, begin_at
from mmm.fitted import save_fitted
from tests.small import sketch, small_panel

WHOLE = small_panel(regions=1, periods=60)


@pytest.fixture
def champion(tmp_path: Path) -> Standing:
    """A champion of the first 55 periods."""
    save_fitted(sketch(WHOLE.until(55)), tmp_path)
    (tmp_path / ROW).write_text(Row("acme", "us", "done", key="k").to_json(), encoding="utf-8")
    return Standing(
        brand="acme",
        market="us",
        version=1,
        key="k",
        role="champion",
        directory=str(tmp_path),
        spec_digest="spec",
        until=WHOLE.dates[54].astype(date),
        made_at=datetime.now(UTC),
    )


def test_new_data_are_fitted_from_the_champion_on(champion: Standing) -> None:
    waiting = replace(champion, key="other", role="challenger", directory="/nowhere")

    begun = begin_at(WHOLE, (champion, waiting), "spec")

    assert begun is not None
    np.testing.assert_array_equal(begun.panel.dates, WHOLE.dates[:55])


def test_what_differs_begins_anew(champion: Standing) -> None:
    assert begin_at(WHOLE, (), "spec") is None
    assert begin_at(WHOLE, (champion,), "other settings") is None
    assert begin_at(WHOLE, (replace(champion, role="challenger"),), "spec") is None
    assert begin_at(WHOLE, (replace(champion, directory="/nowhere"),), "spec") is None
    assert begin_at(replace(WHOLE, channels=("a", "b", "c")), (champion,), "spec") is None


def test_the_number_of_epochs_is_chosen_again_after_a_quarter(champion: Standing) -> None:
    fitted = sketch(WHOLE.until(55))
    for back, kept in ((EPOCHS_KEPT, True), (EPOCHS_KEPT + 1, False)):
        told = {**fitted.provenance, "epochs_of": str(WHOLE.dates[59 - back])}
        save_fitted(replace(fitted, provenance=told), Path(champion.directory))

        assert (begin_at(WHOLE, (champion,), "spec") is not None) == kept
