// What the page says about the model itself: where its figures come from, and what its checks found.

import { cards, fill, find, h } from "../base/dom.js";
import { amount, before, chance, count, day, label, number, percent, signed, subject } from "../base/format.js";

const HARMLESS = new Set(["info", "ok"]);

/** Fill the lines about the model that is planned with. */
export function showModel(planning) {
  const { info, version } = planning;
  const { model } = planning.answer;
  fill(find("about"),
    h("b", {}, `${subject(planning.brand)} · ${label(planning.market)}`),
    ` Model${version ? ` version ${brief(version)}` : ""}, data from ${day(info.first_date ?? model.first_date)} to ${day(model.last_date)}${trust(info)}.`,
    ` Plans run from ${planning.starts} and are compared with now: ${windowOfNow(planning)}, repeated.`);
  find("provenance").textContent = [
    `Trained until ${day(model.trained_until)}, ${count(model.members, "draw")}`,
    model.data_fingerprint && `data ${model.data_fingerprint.slice(0, 12)}`,
    model.spec_digest && `settings ${model.spec_digest.slice(0, 12)}`,
  ].filter(Boolean).join(" · ");
  fill(find("checks"), findings(info.warnings ?? []));
  fill(find("settles"), settles(planning));
}

/** Fill what is taken for granted in the answer shown. */
export function showAssumptions(planning) {
  if (planning.answer) fill(find("assumptions"), assumptions(planning, planning.answer.model).map((text) => h("li", {}, text)));
}

/** The last periods by name: what a plan is compared with. */
export function windowOfNow(planning) {
  const { horizon } = planning.plan;
  const first = before(planning.dates[0], horizon, planning.period);
  const last = before(planning.dates[0], 1, planning.period);
  return `the last ${count(horizon, planning.period)}, ${day(first)} to ${day(last)}`;
}

/** A digest's first letters name it well enough. */
export const brief = (version) => (/^[0-9a-f]{12,}$/.test(version) ? version.slice(0, 8) : version);

/** How far forecasts of periods that the model had not seen were off, and which they were. */
function trust(info) {
  const [name, seen] = ["test", "holdout"].map((window) => [window, info.scores?.[window]]).find(([, scores]) => scores) ?? [];
  if (!seen) return "; never scored on periods that it had not seen";
  return Number.isFinite(seen.wape) ? `; off by ${percent(seen.wape)} of the KPI in the ${name} window, which it had not seen` : `; the KPI of the ${name} window is empty or 0, so that no error can be told`;
}

function assumptions(planning, model) {
  return [
    model.members > 1
      ? `An interval holds the true value with ${percent(planning.answer.level)} probability, as far as the model is right. It comes from ${count(model.members, "draw")}.`
      : "The model has one draw only, so how sure its figures are is unknown. Fit it with several to see intervals.",
    `Gains are against repeating ${windowOfNow(planning)}.`,
    planning.priced
      ? `One unit of ${planning.kpi} is valued at ${amount(planning.answer.kpi_value, planning.currency, 4)}; returns and worth follow from it.`
      : `Nobody has said what one unit of ${planning.kpi} is worth, so no return in money is told. State kpi_value in the market's settings and fit again.`,
    `Expected ${planning.kpi} counts what planned media still bring after the ${count(planning.plan.horizon, planning.period)}, here and in gains alike.`,
    ...planning.answer.assumptions,
  ];
}

const HOW = "mmm design DIR REQUEST.yaml --out DIR/tests.parquet";

/** Whether the checks found something about a channel. */
const isUnsure = (channel, planning) => (planning.info.warnings ?? []).some((row) => row.where === channel.name);

/** What would settle what a channel brings: its best test, or that none was designed for an unsure channel. */
export function settling(channel, planning) {
  const { test } = channel;
  if (!test) return isUnsure(channel, planning) && h("span", { class: "line" }, planning.info.designed ? "No test at hand would settle it." : "What would settle it: no test is designed yet, see below.");
  const net = test.net === null ? "" : `, net of its cost ${signed(number(test.net))}\u00a0${planning.currency}`;
  return h("span", { class: "line" }, `What would settle it: ${test.what}${net}${test.recommended ? "" : "; not worth it by itself"}.`);
}

/** The best test of every channel as a table; how to have tests designed where none are. */
function settles(planning) {
  const title = h("h2", { id: "settles-title" }, "What would settle it");
  const tested = planning.channels.filter((channel) => channel.test);
  if (!planning.info.designed) {
    return [title, h("p", { class: "reading" }, "No tests have been designed for this model. ", h("code", {}, HOW),
      " in the model's folder finds for each channel the test that would tell most about it, what that is worth to this budget and what it costs. The page shows them once the model is loaded again.")];
  }
  if (!tested.length) return [title, h("p", { class: "reading" }, "A design was made; it found no test that can be run on this market.")];
  const order = [...tested].sort((a, b) => Number(b.test.recommended) - Number(a.test.recommended) || Number(isUnsure(b, planning)) - Number(isUnsure(a, planning)));
  const heads = ["Channel", "Its best test", "Sees its effect in", `Interval now, ${planning.kpi}`, "After the test", ...(planning.priced ? [`Value, ${planning.currency}`, "Cost", "Net"] : []), "Against it"];
  const money = (value) => h("td", {}, value === null ? "unknown" : number(value));
  return [title,
    h("p", { class: "reading" }, "Of each channel the test that pays best, as it was designed beside this model. Interval: width of the 90\u00a0% interval of what the channel brought in the training window."),
    h("div", { class: "compared", tabindex: 0, role: "region", "aria-label": "The best tests" }, cards(h("table", {},
      h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, order.map((channel) => h("tr", { class: channel.test.recommended ? "taken" : null },
        h("th", { scope: "row" }, subject(channel.name), channel.test.recommended && h("small", {}, "recommended")),
        h("td", { class: "words" }, channel.test.what),
        h("td", {}, channel.test.power === null ? "unknown" : chance(channel.test.power)),
        money(channel.test.width_now), money(channel.test.width_after),
        planning.priced && [money(channel.test.value), money(channel.test.cost), money(channel.test.net)],
        h("td", { class: "words" }, channel.test.why_not || "–")))))))];
}

function findings(rows) {
  const shown = rows.filter((row) => !HARMLESS.has(row.severity));
  if (!shown.length) return [];
  return [
    h("details", {}, h("summary", {}, `What the checks of this model found (${shown.length})`), h("ul", {}, shown.map((row) => h("li", {},
      h("b", {}, row.where ? `${subject(row.where)}: ` : ""), [row.what, row.why, row.what_to_do].filter(Boolean).join(" "))))),
  ];
}
