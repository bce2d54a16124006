"""The first page: what it tells, and what it does not claim."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from mmm.report import Tables
from mmm.report.about import About
from mmm.report.model import findings
from mmm.report.model.director import first_page


def text(tables: Tables) -> str:
    """The page without markup, in plain spaces."""
    bare = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", first_page(tables)))
    return html.unescape(bare).replace("\u00a0", " ")


def test_it_tells_spend_effect_value_and_return_with_intervals(tables: Tables) -> None:
    assert tables.returns is not None
    (row,) = tables.returns[
        (tables.returns["window"] == "training") & (tables.returns["channel"] == "")
    ].to_dict("records")
    page = text(tables)

    assert "spent on media in the training window" in page
    assert re.search(r"visits brought by media, by the model's account \([\d.]+ M to [\d.]+ M\)", page)
    assert f"{row['roi']:.2g} USD back for each USD spent ({row['roi_lower']:.2g} to" in page


def test_every_channel_has_a_row_with_its_recommended_change(tables: Tables) -> None:
    rows = re.findall(
        r"<tr><th scope='row'>(.*?)</th>.*?<td class='(?:up|down)'[^>]*>(.*?)</td></tr>", first_page(tables)
    )
    assert tables.effects is not None and len(rows) == len(tables.effects)
    told = dict(rows)
    for name, spend in tables.plan["spend"].items():
        change = spend / tables.plan["current_spend"][name] - 1
        shown = html.unescape(told[name.upper() if len(name) <= 3 else name.capitalize()])
        number = float(shown.replace("\u2212", "-").rstrip("%").strip())
        assert abs(number - 100 * change) < 0.6


def test_one_sentence_says_what_to_move_and_what_it_gains(tables: Tables) -> None:
    page = text(tables)

    assert re.search(r"Move \d+ k USD over 13 weeks from \w+ and .* to .*:", page)
    assert "visits more (" in page
    assert "the chance that it gains at all is 99 %" in page


def test_without_a_value_of_the_kpi_no_money_is_claimed(tables: Tables) -> None:
    page = text(replace(tables, about=About(kpi="visits", currency="EUR")))

    assert "ROI" not in page and "worth" not in page and "back for each" not in page
    assert "visits for each 1 k EUR spent" in page


def test_a_return_in_money_needs_a_stated_value_of_the_kpi() -> None:
    assert About(kpi="net revenue", kpi_value=1.0).priced
    assert not About(kpi="net revenue").priced


def test_a_plan_that_moves_nothing_says_so(tables: Tables) -> None:
    still = tables.plan | {
        "spend": tables.plan["current_spend"],
        "gain": {"mean": -3e-9, "lower": 0, "upper": 0},
    }
    page = text(replace(tables, plan=still))

    assert "Leave the split of the budget as it is" in page
    assert page.count("as it is") == 1 + len(still["spend"])


def test_a_model_not_to_be_relied_on_gives_no_order(tables: Tables) -> None:
    lost = {"holdout": {"wape": 0.05, "skill": -0.4}, "train": {"wape": 0.04}}
    page = text(replace(tables, metrics=lost))

    assert "Do not decide on it" in page
    assert re.search(r"Could this model be relied on: move \d+ k USD over", page)


def test_an_empty_directory_has_no_first_page() -> None:
    assert first_page(Tables()) == ""


def test_long_names_are_text(tables: Tables) -> None:
    assert tables.effects is not None
    odd = tables.effects.assign(channel=["Search <b> & Co", *tables.effects["channel"].iloc[1:]])

    assert "Search &lt;b&gt; &amp; Co" in first_page(replace(tables, effects=odd))


def test_findings_are_told_in_plain_words_with_the_measured_folded() -> None:
    alike = [
        {"severity": "warning", "code": "unidentified_channel", "where": name, "what": f"Width {name}.",
         "why": "Nothing tells.", "what_to_do": "Test."}
        for name in ("radio", "print")
    ]  # fmt: skip
    card = findings.card(Tables(diagnostics=alike))

    assert "<b>The data say little about radio and print: what is shown is mostly what was assumed." in card
    assert card.index("<details>") < card.index("Width radio.")
