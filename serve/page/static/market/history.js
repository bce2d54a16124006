// Plans that were kept in this browser, market by market: with labels, what they promised, and a way back; and plans
// of record, held against what came.

import * as api from "../base/api.js";
import { cards, fill, find, h } from "../base/dom.js";
import { amount, chance, count, day, number, percent, readable, signed, signedSpan, span, subject } from "../base/format.js";
import { brief } from "./checks.js";
import { kept, keptPlan } from "./link.js";

const MOST_KEPT = 100;
const placeOf = (planning) => `mmm-plans:${planning.brand}/${planning.market}`;
let wanted = "";

/** Plans of a market, the newest first; none where the browser keeps nothing. */
function plansOf(planning) {
  try {
    const found = JSON.parse(localStorage.getItem(placeOf(planning)) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one?.plan === "string") : [];
  } catch {
    return [];
  }
}

/** Whether the browser took them. */
function write(planning, rows) {
  try {
    localStorage.setItem(placeOf(planning), JSON.stringify(rows.slice(0, MOST_KEPT)));
    return true;
  } catch {
    return false;
  }
}

/** Keep the plan in work; false where the browser has no room or may not. */
export function keep(planning, name, label) {
  const { answer, plan } = planning;
  const { gain, budget } = answer.plan;
  const row = {
    name, label, at: new Date().toISOString(), version: planning.version, horizon: plan.horizon, period: planning.period, starts: planning.dates[0],
    currency: planning.currency, budget, gain, chance: answer.plan.chance_of_gain, plan: kept({ ...plan, saved: [] }, planning.version),
  };
  return write(planning, [row, ...plansOf(planning)]);
}

/** Show the plans kept; `open` puts one in work, `compare` lays it beside. */
export function showHistory(planning, act) {
  const rows = plansOf(planning);
  const box = find("kept");
  if (box.contains(document.activeElement) && document.activeElement.tagName === "INPUT") return;
  find("kept-title").textContent = rows.length ? `Plans kept in this browser: ${rows.length}` : "Plans kept in this browser: none yet";
  const labels = [...new Set(rows.map((row) => row.label).filter(Boolean))].sort();
  if (!labels.includes(wanted)) wanted = "";
  const filter = h("select", { id: "kept-label", onchange: () => { wanted = filter.value; showHistory(planning, act); } },
    h("option", { value: "" }, "all"), labels.map((label) => h("option", { value: label }, label)));
  filter.value = wanted;
  fill(box,
    labels.length > 0 && h("label", { class: "filter" }, "Label ", filter),
    rows.length > 0 && table(rows, planning, act));
}

function table(rows, planning, act) {
  const again = () => showHistory(planning, act);
  const shown = rows.map((row, place) => [row, place]).filter(([row]) => !wanted || row.label === wanted);
  return h("div", { class: "compared", tabindex: 0, role: "region", "aria-label": "Plans kept" }, cards(h("table", {},
    h("thead", {}, h("tr", {}, ["Plan", "Label", "Kept on", "Model", "For", "Spend", "Gain then"].map((text) => h("th", { scope: "col" }, text)), h("th", { scope: "col" }, h("span", { class: "sr" }, "What to do with it")))),
    h("tbody", {}, shown.map(([row, place]) => line(row, place, planning, act, again))))));
}

function line(row, place, planning, act, again) {
  const edit = (more) => write(planning, plansOf(planning).map((one, at) => (at === place ? { ...one, ...more } : one)));
  const label = h("input", { value: row.label ?? "", maxlength: 40, "aria-label": `Label of ${row.name}`, onchange: () => { edit({ label: label.value.trim() }); again(); } });
  const own = keptPlan(row.plan);
  const fits = own && row.horizon === planning.plan.horizon;
  return h("tr", {},
    h("th", { scope: "row" }, row.name),
    h("td", {}, label),
    h("td", {}, day(row.at)),
    h("td", {}, row.version ? brief(String(row.version)) : "–", row.version !== planning.version && h("small", {}, "another than now")),
    h("td", {}, count(Number(row.horizon) || 0, String(row.period)), h("small", {}, `from ${day(row.starts)}`)),
    h("td", {}, amount(row.budget, String(row.currency))),
    h("td", {}, signed(number(row.gain?.mean)), h("small", {}, signedSpan(row.gain)), Number.isFinite(row.chance) && h("small", {}, `chance ${chance(row.chance)}`)),
    h("td", { class: "tools" },
      h("button", { type: "button", disabled: !own, "aria-label": `Open ${row.name}`, onclick: () => act.open(own) }, "Open"),
      h("button", { type: "button", disabled: !fits, title: fits ? null : "Its horizon is another; open it instead.", "aria-label": `Compare ${row.name}`, onclick: () => act.compare({ ...own, name: row.name }) }, "Compare"),
      h("button", { type: "button", disabled: !own || row.version !== planning.version, title: row.version === planning.version ? "Freeze it with the model, to hold it against what comes" : "Another version of the model made it; open it and keep it again.", "aria-label": `Commit ${row.name} as plan of record`, onclick: () => act.commit(own, row.name) }, "Commit"),
      h("button", { type: "button", "aria-label": `Delete ${row.name} from this browser`, onclick: () => { write(planning, plansOf(planning).filter((_, at) => at !== place)); again(); } }, "Delete")));
}

/** Let a plan of record be held against what came; its answer stands until the next file. */
export function holdRecords(planning) {
  const box = find("variance");
  const said = (text, details = []) => fill(box, h("div", { class: "message bad", role: "alert" },
    h("p", {}, readable(text)), details.length > 0 && h("ul", {}, details.map((line) => h("li", {}, readable(line))))));
  fill(box);
  find("record-file").onchange = async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    try {
      fill(box, cameOf(await planning.variance(file), file.name, planning));
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      said(error.details.length ? `${file.name} cannot be held against what came.` : error.message, error.details);
    }
  };
}

/** From plan to actual, then channel by channel. */
function cameOf(found, name, planning) {
  const beyond = Math.abs(found.rest.mean) > found.rest_expected;
  const titled = (title, heads, rows) => h("div", { class: "compared", tabindex: 0, role: "region", "aria-label": title }, cards(h("table", {},
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows))));
  const row = (head, ...cells) => h("tr", {}, h("th", { scope: "row" }, head), cells.map((text) => h("td", {}, text)));
  const part = (text, { mean, lower, upper }) => row(text, signed(number(mean)), signedSpan({ lower, upper }));
  const price = (value) => (value === null ? "\u2013" : number(value));
  return [
    h("p", { class: "reading" }, `${name}, committed on ${day(found.committed)}: ${count(found.periods, planning.period)} of ${found.horizon} have come, ${day(found.first_date)} to ${day(found.last_date)}.`),
    titled("From plan to actual", ["", subject(planning.kpi), `${percent(found.level)} interval`], [
      row("Planned", number(found.planned_kpi.mean, 3), span(found.planned_kpi, 3)),
      part("Other amounts ran", found.delivery), part("Money bought more or less", found.price),
      part("What is not media", found.baseline), part("The rest", found.rest),
      row("Came", number(found.actual_kpi, 3), ""),
    ]),
    h("p", { class: "reading" }, `If the model was right the rest lies within ${number(found.rest_expected)} of 0: ${beyond ? "it is more than chance allows" : "it is no more than chance allows"}.`),
    titled("Channels against the plan", ["Channel", "Planned", "Ran", `${subject(planning.kpi)} by it`, `${planning.currency} a unit, planned`, `${planning.currency} a unit that came`, `${subject(planning.kpi)} by it`],
      found.channels.map((one) => row(subject(one.channel), amount(one.planned_spend, one.unit), amount(one.actual_spend, one.unit), signed(number(one.delivery.mean)), price(one.planned_price), price(one.actual_price), signed(number(one.price.mean))))),
    found.remarks.length > 0 && h("ul", { class: "reading" }, found.remarks.map((text) => h("li", {}, readable(text)))),
  ];
}
