"""The page of a benchmark."""

from __future__ import annotations

import pandas as pd

from mmm.report.benchmark import Section, render_benchmark

SECTIONS = [Section("Against the truth", "Medians.", ("", "ray-mmm"), (("attribution error", "0.10 <b>"),))]
COLUMNS = ["suite", "case", "method", "metric", "value", "status"]
ROWS = [
    ("truth", "world 1", "ray-mmm", "attribution error", 0.1, "measured"),
    ("truth", "world 2", "ray-mmm", "attribution error", 0.2, "measured"),
    ("truth", "world 1", "ridge", "attribution error", 1.2, "measured"),
    ("truth", "world 1", "ray-mmm", "lift earned", 0.9, "measured"),
    ("real", "last 13 weeks", "ray-mmm", "R²", 0.99, "measured"),
    ("real", "last 13 weeks", "meridian, published", "R²", -10.05, "quoted"),
    ("speed", "panel", "ray-mmm", "seconds per fit", 20.0, "measured"),
    ("speed", "panel", "deepcausalmmm", "seconds per fit", 1400.0, "extrapolated"),
    ("speed", "24 regions", "ray-mmm", "seconds at this size", 1.0, "measured"),
    ("speed", "48 regions", "ray-mmm", "seconds at this size", 1.9, "measured"),
    ("speed", "regions", "ray-mmm", "growth exponent", 0.93, "measured"),
]


def test_the_page_states_what_was_found_and_loads_nothing() -> None:
    page = render_benchmark(SECTIONS, "two cores", "† extrapolated", pd.DataFrame(ROWS, columns=COLUMNS))

    assert "Of what media bring ray-mmm 15\u00a0% goes to the wrong channels" in page
    assert "Plans by ray-mmm earn 90\u00a0%" in page
    assert "ray-mmm forecasts the real panel best: R² 0.9900" in page
    assert "Cost grows fastest with regions: as size to the power 0.93" in page
    assert "0.10 &lt;b&gt;" in page
    assert "<details open>" in page
    assert "src=" not in page.split("<script>")[0]


def test_a_part_that_did_not_run_leaves_its_chart_out() -> None:
    page = render_benchmark(SECTIONS, "two cores", "", pd.DataFrame(ROWS[:3], columns=COLUMNS))
    assert "goes to the wrong channels" in page
    assert "forecasts" not in page
