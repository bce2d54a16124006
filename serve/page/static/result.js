// What the plan in work brings: one sentence, five figures, what to be careful about.

import { fill, find, h } from "./dom.js";
import { amount, change, count, number, percent, readable, signed, signedSpan, span } from "./format.js";
import { currentTotal, planTotal } from "./plan.js";

const NOTHING = 1e-6;

/** Show the answer about the plan in work. */
export function showResult(desk) {
  const found = desk.answer?.plan;
  if (!found) return;
  find("verdict").textContent = verdict(desk, found);
  fill(find("tiles"), tiles(desk, found));
  fill(find("warnings"), found.warnings.map((text) => h("p", { class: "message warn" }, readable(text))));
}

/** Where an interval lies: above zero, below it, around it; "level" for no gain at all. */
export function side(estimate) {
  if (Math.abs(estimate.mean) < NOTHING && !(estimate.upper > NOTHING)) return "level";
  if (estimate.lower === null || estimate.upper === null) return "unknown";
  return estimate.lower > 0 ? "up" : estimate.upper < 0 ? "down" : "open";
}

/** The plan against now in one sentence. */
export function verdict(desk, found) {
  const { gain } = found;
  const now = `repeating the last ${count(desk.plan.horizon, desk.period)}`;
  if (desk.isCurrent()) return `This is the spend of the last ${count(desk.plan.horizon, desk.period)}, repeated. Move a slider or press Optimise.`;
  const size = number(Math.abs(gain.mean));
  const more = `${size} ${gain.mean < 0 ? "less" : "more"} ${desk.kpi} than ${now}`;
  return {
    level: `This plan should bring as much ${desk.kpi} as ${now}.`,
    unknown: `Best estimate: ${more}. The model has one member, so how sure that is cannot be said.`,
    up: `This plan should bring ${more}.${worth(desk, found)}`,
    down: `This plan should bring ${more}.`,
    open: `Best estimate: ${more}, but the ${gain.mean < 0 ? "loss" : "gain"} may be zero: the interval includes it.`,
  }[side(gain)];
}

/** Whether a gain pays for what is spent on top. */
function worth(desk, found) {
  const extra = planTotal(desk.plan, desk.channels) - currentTotal(desk.channels);
  if (!(extra > NOTHING * currentTotal(desk.channels))) return "";
  return { open: " Whether that is worth the extra spend is open.", down: " It would not pay for the extra spend." }[side(found.profit_gain)] ?? "";
}

function tiles(desk, found) {
  const money = desk.currency;
  const spent = planTotal(desk.plan, desk.channels);
  const level = percent(desk.answer.level);
  return [
    tile("Spend", amount(spent, money), `${change(spent, currentTotal(desk.channels))}`),
    tile(`Expected ${desk.kpi}`, number(found.kpi.mean, 3), `${level} interval ${span(found.kpi, 3)}`),
    tile(`${desk.kpi} gained against now`, gained(found.gain), `${level} interval ${signedSpan(found.gain)}`, side(found.gain)),
    tile("Value gained, less extra spend", signedMoney(found.profit_gain.mean, money), `${level} interval ${signedSpan(found.profit_gain)}`, side(found.profit_gain)),
    found.total_roi && tile(`Return on ${money}\u00a01`, number(found.total_roi.mean), `${level} interval ${span(found.total_roi)}`),
  ];
}

/** A figure of the headline: its name, its value, and its interval below. */
export const tile = (term, value, range, mood = "") =>
  h("div", { class: mood }, h("dt", {}, term), h("dd", {}, value), h("dd", { class: "range" }, range));

/** A gain with its sign; rounding errors are none. */
export const gained = (gain) => (side(gain) === "level" ? "0" : signed(number(gain.mean)));

/** "+USD 1.2 M". */
export function signedMoney(value, money) {
  const text = signed(number(value));
  return text.replace(/^([+\u2212]?)/, `$1${money}\u00a0`);
}
