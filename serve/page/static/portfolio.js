// The second tab: one budget over several brands and markets, which compete for it by what their KPI is worth.

import * as api from "./base/api.js";
import { INK, NOW, PALETTE } from "./base/colours.js";
import { fill, find, h, options } from "./base/dom.js";
import { amountField } from "./base/fields.js";
import { axis, draw, escaped } from "./base/figures.js";
import { amount, change, interval, label, number, readable, signed, signedSpan, subject } from "./base/format.js";
import { cents } from "./market/plan.js";
import { side, signedMoney, tile } from "./market/result.js";

const GOALS = { kpi: "Most value for this budget", profit: "Most profit, spending at most this" };
const SWINGS = [["0.1", "±10 %"], ["0.2", "±20 %"], ["0.3", "±30 %"], ["0.5", "±50 %"], ["1", "nothing to double"]];
const ROW_PX = 46;
const LEVEL = 0.9;

const state = { chosen: null, horizon: 13, budget: "current", goal: "kpi", swing: 0.3 };
let entries = [];
let hooks = null;
let total = null;

/** Show the tab; `hooks.openPlan(entry, horizon, amounts)` opens a market's part as a plan. */
export function openPortfolio(listed, given) {
  const first = hooks === null;
  entries = listed;
  hooks = given;
  state.chosen ??= new Set(sameCurrency(entries).map(keyOf));
  if (first) build();
}

const keyOf = (entry) => `${entry.brand}/${entry.market}`;
const title = (entry) => `${subject(entry.brand)} · ${label(entry.market)}`;

/** Markets that can share a budget: those in the currency of the first. */
const sameCurrency = (all) => all.filter((entry) => entry.currency === all[0]?.currency);

function build() {
  fill(find("panel-portfolio"),
    h("section", { class: "card result", "aria-labelledby": "joint" },
      h("h2", { id: "joint", "aria-live": "polite" }, "One budget over several markets. Choose them, then press Optimise."),
      h("dl", { class: "tiles", id: "joint-tiles" }), h("div", { id: "joint-said", role: "status" })),
    h("div", { class: "beside" }, form(), h("section", { class: "card", "aria-label": "Markets" }, h("div", { class: "compared", id: "joint-table", tabindex: 0, role: "region", "aria-label": "Markets" }), h("div", { class: "plot", id: "joint-plot" }))));
  fill(find("joint-table"), h("p", { class: "reading" }, "Money moves to where its next unit returns most. KPI of every market is valued in its currency, so that markets can be compared."));
}

function form() {
  const horizon = h("input", { type: "number", id: "joint-horizon", min: 1, max: 520, required: true, value: state.horizon,
    onchange: () => { if (horizon.reportValidity()) edit({ horizon: Number(horizon.value) }); } });
  total = amountField({ name: "Total budget of all markets", id: "joint-total", optional: true, onset: (value) => edit({ budget: value ?? "current" }) });
  total.show(null, "as now");
  const goal = h("select", { id: "joint-goal", onchange: () => edit({ goal: goal.value }) });
  options(goal, Object.entries(GOALS), state.goal);
  const swing = h("select", { id: "joint-swing", onchange: () => edit({ swing: Number(swing.value) }) });
  options(swing, SWINGS, String(state.swing));
  const field = (id, text, input) => h("div", { class: "field" }, h("label", { for: id }, text), input);
  return h("form", { class: "card question", autocomplete: "off", onsubmit: (event) => { event.preventDefault(); optimize(); } },
    h("h2", {}, "Portfolio"), markets(),
    field("joint-horizon", "Horizon, periods", horizon),
    field("joint-total", "Total budget, empty for what is spent now", total.input),
    field("joint-goal", "Goal", goal),
    field("joint-swing", "Each channel may change by", swing),
    h("div", { class: "actions" }, h("button", { class: "main", id: "joint-optimize" }, "Optimise all")));
}

function markets() {
  const boxes = entries.map((entry) => {
    const box = h("input", { type: "checkbox", checked: state.chosen.has(keyOf(entry)), onchange: () => choose(entry, box.checked) });
    const money = entry.currency === entries[0].currency ? "" : ` (${entry.currency})`;
    return h("label", { class: "check" }, box, `${title(entry)}${money}`);
  });
  return h("fieldset", { class: "field markets" }, h("legend", {}, "Markets"), boxes);
}

function choose(entry, wanted) {
  if (wanted) state.chosen.add(keyOf(entry));
  else state.chosen.delete(keyOf(entry));
}

const edit = (fields) => Object.assign(state, fields);

async function optimize() {
  const chosen = entries.filter((entry) => state.chosen.has(keyOf(entry)));
  const button = find("joint-optimize");
  button.disabled = true;
  button.textContent = "Optimising …";
  try {
    if (!chosen.length) throw new Error("Choose at least one market.");
    const found = await api.portfolio({
      models: chosen.map(({ brand, market }) => ({ brand, market })), budget: state.budget, horizon: state.horizon,
      objective: state.goal, level: LEVEL, default_bounds: { min_change: -state.swing, max_change: state.swing },
    });
    show(found, chosen);
  } catch (error) {
    fail(error.message, error.details ?? []);
  } finally {
    button.disabled = false;
    button.textContent = "Optimise all";
  }
}

function fail(text, details) {
  fill(find("joint-said"), h("div", { class: "message bad", role: "alert" }, h("p", {}, readable(text)),
    details.length > 0 && h("ul", {}, details.map((line) => h("li", {}, readable(line))))));
}

function show({ plan, models }, chosen) {
  if (plan.status === "infeasible") {
    find("joint").textContent = "No plan keeps all of this.";
    fill(find("joint-tiles"));
    fail(plan.message, plan.clashes);
    return;
  }
  const rows = chosen.map((entry) => ({ entry, part: models[keyOf(entry)] }));
  find("joint").textContent = verdict(plan);
  fill(find("joint-tiles"), tiles(plan));
  fill(find("joint-said"), plan.warnings.map((text) => h("p", { class: "message warn" }, readable(text))));
  fill(find("joint-table"), table(rows, plan));
  drawParts(rows, plan);
}

function verdict(plan) {
  const more = plan.gain.mean < 0 ? "less" : "more";
  const doubt = side(plan.gain) === "open" ? ", but the gain may be zero: the interval includes it" : "";
  const worth = plan.kpi_value === null ? `${number(Math.abs(plan.gain.mean))} ${more} of the KPI` : `KPI worth ${amount(Math.abs(plan.gain.mean), plan.unit)} ${more}`;
  return `Best estimate: ${worth} than with today's split${doubt}.`;
}

const tiles = (plan) => [
  tile("Spend", amount(plan.budget, plan.unit), change(plan.budget, plan.current_budget)),
  plan.kpi_value === null
    ? tile("KPI gained", signed(number(plan.gain.mean)), interval(plan.gain, LEVEL, signedSpan), side(plan.gain))
    : tile("Value of the KPI gained", signedMoney(plan.gain.mean, plan.unit), interval(plan.gain, LEVEL, signedSpan), side(plan.gain)),
  plan.profit_gain && tile("Less extra spend", signedMoney(plan.profit_gain.mean, plan.unit), interval(plan.profit_gain, LEVEL, signedSpan), side(plan.profit_gain)),
  plan.total_roi && tile(`Return on ${plan.unit}\u00a01`, number(plan.total_roi.mean), interval(plan.total_roi, LEVEL)),
];

function table(rows, plan) {
  const cell = (value, more) => h("td", {}, value, more && h("small", {}, more));
  const worth = ({ gain, kpi_value: value }) => ({ mean: gain.mean * value, lower: scaled(gain.lower, value), upper: scaled(gain.upper, value) });
  return h("table", {},
    h("caption", { class: "sr" }, "Markets of the portfolio"),
    h("thead", {}, h("tr", {}, ["Market", "Now", "Planned", "KPI gained", "Value", ""].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map(({ entry, part }) => h("tr", {},
      h("th", { scope: "row" }, title(entry)),
      cell(amount(part.current_budget, plan.unit)),
      cell(amount(part.budget, plan.unit), change(part.budget, part.current_budget)),
      cell(signed(number(part.gain.mean)), signedSpan(part.gain)),
      part.kpi_value === null ? cell("–") : cell(signedMoney(worth(part).mean, plan.unit), signedSpan(worth(part))),
      h("td", {}, h("button", { type: "button", "aria-label": `Open the plan of ${title(entry)}`, onclick: () => hooks.openPlan(entry, part.horizon, roundedAll(part.spend)) }, "Open plan"))))));
}

const scaled = (value, factor) => (value === null ? null : value * factor);
const roundedAll = (spend) => Object.fromEntries(Object.entries(spend).map(([name, value]) => [name, cents(value)]));

function drawParts(rows, plan) {
  const plot = find("joint-plot");
  plot.style.height = `${90 + ROW_PX * rows.length}px`;
  const places = rows.map((_, place) => place);
  const bars = (name, field, colour) => ({
    type: "bar", orientation: "h", name, y: places, x: rows.map(({ part }) => part[field]), marker: { color: colour }, hoverinfo: "text",
    hovertext: rows.map(({ entry, part }) => `<b>${escaped(title(entry))}</b><br>${name}: ${amount(part[field], plan.unit)}`),
  });
  const layout = {
    barmode: "group", bargap: 0.35, showlegend: true, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" },
    margin: { l: 20, r: 16, t: 30, b: 44 }, xaxis: axis(plan.unit),
    yaxis: { tickmode: "array", tickvals: places, ticktext: rows.map(({ entry }) => escaped(title(entry))), range: [rows.length - 0.5, -0.5],
      automargin: true, fixedrange: true, showgrid: false, ticks: "", tickfont: { size: 12, color: INK } },
  };
  const traces = [bars("Now", "current_budget", NOW), bars("Planned", "budget", PALETTE[0])];
  draw(plot, () => ({ traces, layout }), "Spend of every market now and planned; the numbers are in the table above.");
}
