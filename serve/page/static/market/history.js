// Plans that were kept in this browser, market by market: with labels, what they promised, and a way back.

import { fill, find, h } from "../base/dom.js";
import { amount, chance, count, day, number, signed, signedSpan } from "../base/format.js";
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
  return h("div", { class: "compared", tabindex: 0, role: "region", "aria-label": "Plans kept" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Plan", "Label", "Kept on", "Model", "For", "Spend", "Gain then", ""].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, shown.map(([row, place]) => line(row, place, planning, act, again)))));
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
