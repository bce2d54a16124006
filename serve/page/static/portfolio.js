// The second tab: one budget over several brands and markets, which compete for it by what their KPI is worth.

import * as api from "./base/api.js";
import { INK, NOW, PALETTE } from "./base/colours.js";
import { cards, fill, find, h, options } from "./base/dom.js";
import { amountField, enterCommits } from "./base/fields.js";
import { axis, draw, drop, escaped, short } from "./base/figures.js";
import { amount, change, count, interval, label, listing, number, readable, signedSpan, subject } from "./base/format.js";
import { MEASURES, cents, identityOf } from "./market/plan.js";
import { gainSide, gained, gainsAt, named, odds, side, signedMoney, tile, worst } from "./market/result.js";
import { times } from "./market/returns.js";

const GOALS = { kpi: "Most value for this budget", profit: "Most profit, spending at most this" };
const RISKS = [["mean", "its average gain"], ["0.1", "what nine of ten cases reach"], ...Object.entries(MEASURES).map(([key, { text }]) => [key, text])];
const SWINGS = [["0.1", "±10 %"], ["0.2", "±20 %"], ["0.3", "±30 %"], ["0.5", "±50 %"], ["1", "nothing to double"]];
const ROW_PX = 46;
const LONGEST_LABEL = 26;
const LEVEL = 0.9;
const MOST_MOVES = 2;
const DUST = 1e-6;
const START = "One budget over several markets. Choose them, then press Optimise.";

const state = { chosen: null, horizon: 13, budget: "current", goal: "kpi", swing: 0.3, risk: "mean", rates: {} };
const order = { column: null, rising: true };
let entries = [];
let hooks = null;
let shown = null;

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
const isPriced = (entry) => entry.priced !== false;
const chosenEntries = () => entries.filter((entry) => state.chosen.has(keyOf(entry)));

/** Markets that can share a budget as they are: those with a price, in the currency of the first of them. */
function sameCurrency(all) {
  const priced = all.filter(isPriced);
  return priced.filter((entry) => entry.currency === priced[0].currency);
}

function build() {
  fill(find("panel-portfolio"),
    h("section", { class: "card result", "aria-labelledby": "joint", id: "joint-result" },
      h("h2", { id: "joint", "aria-live": "polite" }, START),
      h("dl", { class: "tiles", id: "joint-tiles" }), h("div", { id: "joint-said", role: "status" })),
    h("div", { class: "beside" }, form(), h("section", { class: "card", "aria-label": "Plan of the markets" },
      h("div", { class: "compared sortable", id: "joint-table", tabindex: 0, role: "region", "aria-label": "Markets" }), h("div", { class: "plot", id: "joint-plot", hidden: true }))));
  explainTable();
}

const explainTable = () => fill(find("joint-table"), h("p", { class: "reading" },
  "Money moves to where its next unit returns most. KPI of every market counts at its value in money, so that markets can be compared."));

function form() {
  const horizon = h("input", { type: "number", id: "joint-horizon", min: 1, max: 520, required: true, value: state.horizon,
    onchange: () => { if (horizon.reportValidity()) edit({ horizon: Number(horizon.value) }); } });
  const total = amountField({ name: "Total budget of all markets", id: "joint-total", optional: true, onset: (value) => edit({ budget: value ?? "current" }) });
  total.show(null, "as now");
  const goal = h("select", { id: "joint-goal", onchange: () => edit({ goal: goal.value }) });
  options(goal, Object.entries(GOALS), state.goal);
  const swing = h("select", { id: "joint-swing", onchange: () => edit({ swing: Number(swing.value) }) });
  options(swing, SWINGS, String(state.swing));
  const risk = h("select", { id: "joint-risk", onchange: () => edit({ risk: risk.value }) });
  options(risk, RISKS, state.risk);
  const field = (id, text, input) => h("div", { class: "field" }, h("label", { for: id }, text), input);
  return h("form", { class: "card question", autocomplete: "off", onkeydown: enterCommits, onsubmit: (event) => { event.preventDefault(); optimize(); } },
    h("h2", {}, "Portfolio"), markets(), h("div", { id: "joint-rates" }),
    field("joint-horizon", "Horizon, periods", horizon),
    field("joint-total", "Total budget, empty for what is spent now", total.input),
    field("joint-goal", "Goal", goal),
    field("joint-swing", "Each channel may change by", swing),
    field("joint-risk", "Judge a plan by", risk),
    h("div", { class: "actions" }, h("button", { class: "main", id: "joint-optimize" }, "Optimise all")));
}

function markets() {
  const boxes = entries.map((entry) => {
    const box = h("input", { type: "checkbox", checked: state.chosen.has(keyOf(entry)), disabled: !isPriced(entry), onchange: () => choose(entry, box.checked) });
    const remark = isPriced(entry) ? (entry.currency === currency() ? "" : ` (${entry.currency})`) : " (no value of a KPI unit is stated)";
    return h("label", { class: "check" }, box, `${title(entry)}${remark}`);
  });
  return h("fieldset", { class: "field markets" }, h("legend", {}, "Markets"), boxes);
}

const currency = () => (chosenEntries()[0] ?? entries[0]).currency;

/** Every other currency among the markets chosen. */
const foreign = () => [...new Set(chosenEntries().map((entry) => entry.currency))].filter((one) => one !== currency());

function choose(entry, wanted) {
  if (wanted) state.chosen.add(keyOf(entry));
  else state.chosen.delete(keyOf(entry));
  rates();
  edit({});
}

/** A rate for every other currency. */
function rates() {
  fill(find("joint-rates"), foreign().map((one) => {
    const rate = amountField({ name: `1 ${one} in ${currency()}`, onset: (value) => edit({ rates: { ...state.rates, [one]: value } }) });
    rate.show(state.rates[one] ?? null, "rate");
    return h("div", { class: "field" }, h("label", {}, `1 ${one} in ${currency()}`, rate.input));
  }));
}

/** Note another question; what stands there answers the one before. */
function edit(fields) {
  Object.assign(state, fields);
  find("joint-result").classList.toggle("stale", shown !== null && shown !== identityOf(request()));
  if (find("joint-result").classList.contains("stale")) find("joint").textContent = "Not computed for these settings yet. Press Optimise.";
}

function request() {
  const asked = {
    models: chosenEntries().map(({ brand, market }) => ({ brand, market })), budget: state.budget, horizon: state.horizon,
    objective: state.goal, level: LEVEL, default_bounds: { min_change: -state.swing, max_change: state.swing },
  };
  if (state.risk !== "mean") asked.risk = MEASURES[state.risk]?.asked ?? Number(state.risk);
  const others = foreign();
  return others.length ? { ...asked, currency: currency(), exchange_rates: Object.fromEntries(others.map((one) => [one, state.rates[one]])) } : asked;
}

async function optimize() {
  const button = find("joint-optimize");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  button.textContent = "Optimising …";
  try {
    const chosen = chosenEntries();
    if (!chosen.length) throw new Error("Choose at least one market.");
    const asked = request();
    const missing = Object.entries(asked.exchange_rates ?? {}).filter(([, rate]) => !rate).map(([name]) => name);
    if (missing.length) throw new Error(`Say what one ${listing(missing)} is in ${currency()}.`);
    const found = await api.portfolio(asked);
    if (identityOf(asked) === identityOf(request())) show(found, chosen, asked);
  } catch (error) {
    nothing("Not computed.", error.message, error.details ?? []);
  } finally {
    button.setAttribute("aria-disabled", "false");
    button.textContent = "Optimise all";
  }
}

/** No plan: what was shown before answers another question, so it goes. */
function nothing(heading, text, details) {
  shown = null;
  find("joint-result").classList.remove("stale");
  find("joint").textContent = heading;
  fill(find("joint-tiles"));
  explainTable();
  drop(find("joint-plot"));
  find("joint-plot").hidden = true;
  fill(find("joint-said"), h("div", { class: "message bad", role: "alert" }, h("p", {}, readable(text)),
    details.length > 0 && h("ul", {}, details.map((line) => h("li", {}, readable(line))))));
}

function show({ plan, models }, chosen, asked) {
  if (plan.status === "infeasible") {
    nothing("No plan keeps all of this.", plan.message, plan.clashes);
    return;
  }
  shown = identityOf(asked);
  find("joint-result").classList.remove("stale");
  const rows = chosen.map((entry) => rowOf(entry, models[keyOf(entry)], plan.unit, asked.exchange_rates?.[entry.currency] ?? 1));
  find("joint").textContent = verdict(plan);
  fill(find("joint-tiles"), tiles(plan));
  const titles = new Map(rows.flatMap(({ entry, name, part }) => part.channels.map((row) => [`${keyOf(entry)}/${row.channel}`, `${name}, ${subject(row.channel)}`])));
  fill(find("joint-said"), plan.warnings.length > 0 && warnings(plan.warnings.map((text) => named(text, titles))));
  drawTable(rows, plan);
  drawParts(rows, plan);
}

const warnings = (texts) => h("details", { class: "message warn" },
  h("summary", {}, `${count(texts.length, "remark")} on this plan`), h("ul", {}, texts.map((text) => h("li", {}, readable(text)))));

/** What is told of a market; its own plan is in its own currency, of which one is `rate` of the portfolio's. */
function rowOf(entry, part, money, rate) {
  return {
    entry, part, name: title(entry), worth: times(part.gain, part.kpi_value), move: move(part, money),
    more: part.budget - part.current_budget,
    own: Object.fromEntries(part.channels.map((row) => [row.channel, cents(row.unit === money ? row.spend / rate : row.spend)])),
  };
}

function verdict(plan) {
  const size = `${amount(Math.abs(plan.gain.mean), plan.unit)} ${plan.gain.mean < 0 ? "less" : "more"}`;
  const where = gainSide(plan);
  if (where === "level") return "Today's split is the best within these limits.";
  const doubt = { open: ", but the gain may be zero: the interval includes it", unknown: "; how sure that is cannot be said, since a model has one draw only" }[where] ?? "";
  return `Best estimate: KPI worth ${size} than with today's split${doubt}.`;
}

const tiles = (plan) => {
  const where = gainSide(plan);
  const profit = side(plan.profit_gain, plan.kpi.mean);
  return [
    tile("Spend", amount(plan.budget, plan.unit), change(plan.budget, plan.current_budget)),
    tile("Value of the KPI gained", signedMoney(plan.gain, plan.unit, where), [interval(plan.gain, LEVEL, signedSpan), odds(plan)], where),
    plan.gain_at && tile("Gain at 5 / 50 / 95 %", gainsAt(plan), worst(plan), where),
    tile("Less extra spend", signedMoney(plan.profit_gain, plan.unit, profit), interval(plan.profit_gain, LEVEL, signedSpan), profit),
    plan.total_roi && tile(`Return on 1\u00a0${plan.unit}`, number(plan.total_roi.mean), interval(plan.total_roi, LEVEL)),
  ];
};

/** The largest moves of a market in words: from which channels to which. */
function move(part, money) {
  const least = DUST * Math.max(part.current_budget, 1);
  const moves = Object.entries(part.spend).map(([name, value]) => [name, value - part.current_spend[name]]).filter(([, by]) => Math.abs(by) > least);
  const told = (sign) => moves.filter(([, by]) => by * sign > 0).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, MOST_MOVES)
    .map(([name, by]) => `${subject(name)} (${signedMoney({ mean: by }, money, "")})`);
  const [from, to] = [told(-1), told(1)];
  if (!from.length && !to.length) return "Leave it as it is";
  return [from.length && `Less for ${listing(from)}`, to.length && `${from.length ? "more" : "More"} for ${listing(to)}`].filter(Boolean).join("; ");
}

/** Columns: heading, what to sort by, cell. */
const columns = (money) => [
  ["Market", (row) => row.name, null],
  ["Now", (row) => row.part.current_budget, (row) => [amount(row.part.current_budget, money)]],
  ["Planned", (row) => row.more, (row) => [amount(row.part.budget, money), change(row.part.budget, row.part.current_budget)]],
  ["KPI gained", (row) => row.part.gain.mean / row.part.kpi.mean, (row) => [gained(row.part), signedSpan(row.part.gain)]],
  ["Its value", (row) => row.worth.mean, (row) => [signedMoney(row.worth, money, gainSide(row.part)), signedSpan(row.worth), odds(row.part)]],
  ["What to do", (row) => row.move, (row) => [row.move]],
];

function drawTable(rows, plan) {
  const all = columns(plan.unit);
  const sorted = order.column === null ? rows : [...rows].sort((a, b) => {
    const [x, y] = [a, b].map(all[order.column][1]);
    return (typeof x === "number" ? x - y : x.localeCompare(y)) * (order.rising ? 1 : -1);
  });
  const heading = ([text], place) => h("th", { scope: "col", "aria-sort": order.column === place ? (order.rising ? "ascending" : "descending") : "none" },
    h("button", { type: "button", onclick: () => {
      order.rising = order.column === place ? !order.rising : place === 0;
      order.column = place;
      drawTable(rows, plan);
      find("joint-table").querySelectorAll("thead button")[place].focus();
    } }, text));
  fill(find("joint-table"), cards(h("table", {},
    h("caption", { class: "sr" }, "Markets of the portfolio"),
    h("thead", {}, h("tr", {}, all.map(heading), h("th", { scope: "col" }, h("span", { class: "sr" }, "Plan")))),
    h("tbody", {}, sorted.map((row) => h("tr", {},
      h("th", { scope: "row" }, row.name),
      all.slice(1).map(([text, , cell]) => {
        const [value, ...more] = cell(row);
        return h("td", { class: text === "What to do" ? "words" : null }, value, more.filter(Boolean).map((one) => h("small", {}, one)));
      }),
      h("td", {}, h("button", { type: "button", "aria-label": `Open the plan of ${row.name}`, onclick: () => hooks.openPlan(row.entry, row.part.horizon, row.own) }, "Open plan"))))))));
}

function drawParts(rows, plan) {
  const plot = find("joint-plot");
  plot.hidden = false;
  plot.style.height = `${90 + ROW_PX * rows.length}px`;
  const places = rows.map((_, place) => place);
  const bars = (name, field, colour) => ({
    type: "bar", orientation: "h", name, y: places, x: rows.map(({ part }) => part[field]), marker: { color: colour }, hoverinfo: "text",
    hovertext: rows.map((row) => `<b>${escaped(row.name)}</b><br>${name}: ${amount(row.part[field], plan.unit)}`),
  });
  const layout = {
    barmode: "group", bargap: 0.35, showlegend: true, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" },
    margin: { l: 20, r: 16, t: 30, b: 44 }, xaxis: axis(plan.unit),
    yaxis: { tickmode: "array", tickvals: places, ticktext: rows.map((row) => short(row.name, LONGEST_LABEL)), range: [rows.length - 0.5, -0.5],
      automargin: true, fixedrange: true, showgrid: false, ticks: "", tickfont: { size: 12, color: INK } },
  };
  const traces = [bars("Now", "current_budget", NOW), bars("Planned", "budget", PALETTE[0])];
  draw(plot, () => ({ traces, layout }), "Spend of every market now and planned; the numbers are in the table above.");
}
