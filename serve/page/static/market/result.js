// What the plan in work brings: one sentence, five figures, what to be careful about.

import { fill, find, h } from "../base/dom.js";
import { amount, change, count, interval, number, readable, signed, signedSpan, span, subject } from "../base/format.js";
import { currentTotal, planTotal } from "./plan.js";

const NOTHING = 1e-6;

/** Show the answer about the plan in work. */
export function showResult(planning) {
  const found = planning.answer?.plan;
  if (!found) return;
  find("verdict").textContent = verdict(planning, found);
  fill(find("tiles"), tiles(planning, found));
  fill(find("warnings"), found.warnings.map((text) => h("p", { class: "message warn" }, readable(named(text, planning)))));
}

/** A warning of the service with the channels it begins with as people write them. */
function named(text, planning) {
  const [start, ...rest] = text.split(": ");
  const names = start.split(", ");
  const known = new Set(planning.channels.map((channel) => channel.name));
  return rest.length && names.every((name) => known.has(name)) ? [names.map(subject).join(", "), ...rest].join(": ") : text;
}

/** Where an interval lies: above zero, below it, around it; "level" for no gain at all. */
export function side(estimate) {
  if (Math.abs(estimate.mean) < NOTHING && !(estimate.upper > NOTHING)) return "level";
  if (estimate.lower === null || estimate.upper === null) return "unknown";
  return estimate.lower > 0 ? "up" : estimate.upper < 0 ? "down" : "open";
}

/** The plan against now in one sentence. */
export function verdict(planning, found) {
  const { gain } = found;
  const now = `repeating the last ${count(planning.plan.horizon, planning.period)}`;
  if (planning.isCurrent()) return `This is the spend of the last ${count(planning.plan.horizon, planning.period)}, repeated. Move a slider or press Optimise.`;
  const size = number(Math.abs(gain.mean));
  const more = `${size} ${gain.mean < 0 ? "less" : "more"} ${planning.kpi} than ${now}`;
  return {
    level: `This plan should bring as much ${planning.kpi} as ${now}.`,
    unknown: `Best estimate: ${more}. The model has one member, so how sure that is cannot be said.`,
    up: `This plan should bring ${more}.${worth(planning, found)}`,
    down: `This plan should bring ${more}.${worth(planning, found)}`,
    open: `Best estimate: ${more}, but the ${gain.mean < 0 ? "loss" : "gain"} may be zero: the interval includes it.`,
  }[side(gain)];
}

/** Whether a gain pays for what is spent on top, or savings for a loss. */
function worth(planning, found) {
  const now = currentTotal(planning.channels);
  const extra = planTotal(planning.plan, planning.channels) - now;
  if (Math.abs(extra) <= NOTHING * now || Math.sign(extra) !== Math.sign(found.gain.mean)) return "";
  const saved = amount(-extra, planning.currency);
  return (extra > 0 ? {
    up: " It pays for the extra spend.",
    open: " Whether that is worth the extra spend is open.",
    down: " It would not pay for the extra spend.",
  } : {
    up: ` The ${saved} it saves are worth more than that.`,
    open: ` It saves ${saved}; whether that makes up for it is open.`,
    down: ` The ${saved} it saves do not make up for it.`,
  })[side(found.profit_gain)] ?? "";
}

function tiles(planning, found) {
  const money = planning.currency;
  const spent = planTotal(planning.plan, planning.channels);
  const { level } = planning.answer;
  return [
    tile("Spend", amount(spent, money), `${change(spent, currentTotal(planning.channels))}`),
    tile(`Expected ${planning.kpi}`, number(found.kpi.mean, 3), interval(found.kpi, level, (kpi) => span(kpi, 3))),
    tile(`${subject(planning.kpi)} gained against now`, gained(found.gain), interval(found.gain, level, signedSpan), side(found.gain)),
    tile("Value gained, less extra spend", signedMoney(found.profit_gain.mean, money), interval(found.profit_gain, level, signedSpan), side(found.profit_gain)),
    found.total_roi && tile(`Return on ${money}\u00a01`, number(found.total_roi.mean), interval(found.total_roi, level)),
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
