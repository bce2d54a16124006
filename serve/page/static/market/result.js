// What the plan in work brings: one sentence, the figures, what to be careful about; or that it is not computed.

import { fill, find, h } from "../base/dom.js";
import { amount, chance, change, count, interval, number, readable, signed, signedSpan, span, subject } from "../base/format.js";
import { currentTotal, planTotal } from "./plan.js";

/** Part of a sum below which a difference is rounding. */
export const DUST = 1e-6;

/** Show the answer about the plan in work. */
export function showResult(planning) {
  const found = planning.answer?.plan;
  const box = find("result");
  box.classList.toggle("waiting", !planning.isAnswered && !planning.failure);
  box.classList.toggle("stale", !planning.isAnswered && Boolean(planning.failure));
  if (!planning.isAnswered && planning.failure) {
    notComputed(planning);
    return;
  }
  if (!found) return;
  if (planning.isAnswered) find("verdict").textContent = verdict(planning, found);
  fill(find("tiles"), tiles(planning, found));
  const titles = new Map(planning.channels.map(({ name }) => [name, subject(name)]));
  fill(find("warnings"), found.warnings.map((text) => h("p", { class: "message warn" }, readable(named(text, titles)))));
}

/** There is no answer to this plan: say so instead of showing that of another. */
function notComputed(planning) {
  find("verdict").textContent = "Not computed.";
  const terms = ["Spend", `Expected ${planning.kpi}`, `${subject(planning.kpi)} gained against now`];
  fill(find("tiles"), terms.map((term, place) => tile(term, place ? "not computed" : amount(planTotal(planning.plan, planning.channels), planning.currency), "")));
  fill(find("warnings"), h("div", { class: "message bad", role: "alert" },
    h("p", {}, readable(planning.failure.message)),
    h("div", { class: "actions" }, h("button", { type: "button", id: "retry", onclick: () => planning.retry() }, "Try again"))));
}

/** A warning of the service with what it begins with as people call it; a name is whole, whatever commas it holds. */
export function named(text, titles) {
  const longest = [...titles.keys()].sort((a, b) => b.length - a.length);
  const said = [];
  for (let rest = text; ;) {
    const name = longest.find((one) => rest.startsWith(`${one}: `) || rest.startsWith(`${one}, `));
    if (name === undefined) return text;
    said.push(titles.get(name));
    if (rest.startsWith(`${name}: `)) return [said.join(", "), rest.slice(name.length + 2)].join(": ");
    rest = rest.slice(name.length + 2);
  }
}

/** Where an interval lies: above zero, below it, around it; "level" for a difference that is dust beside `whole`. */
export function side(estimate, whole) {
  const size = Math.max(...[estimate.mean, estimate.lower, estimate.upper].map((value) => Math.abs(value ?? 0)));
  if (size <= DUST * Math.abs(whole)) return "level";
  if (estimate.lower === null || estimate.upper === null) return "unknown";
  return estimate.lower > 0 ? "up" : estimate.upper < 0 ? "down" : "open";
}

/** A plan's gain, and where it lies. */
export const gainSide = (found) => side(found.gain, found.kpi.mean);
const profitSide = (found, planning) => side(found.profit_gain, found.kpi.mean * planning.answer.kpi_value);

/** The plan against now in one sentence. */
export function verdict(planning, found) {
  const { gain } = found;
  const last = count(planning.plan.horizon, planning.period);
  const now = `repeating the last ${last}`;
  if (planning.isCurrent()) return `This is the spend of the last ${last}, repeated. Move a slider or press Optimise.`;
  const size = number(Math.abs(gain.mean));
  const more = `${size} ${gain.mean < 0 ? "less" : "more"} ${planning.kpi} than ${now}`;
  return {
    level: `This plan should bring as much ${planning.kpi} as ${now}.`,
    unknown: `Best estimate: ${more}. The model has one draw only, so how sure that is cannot be said.`,
    up: `This plan should bring ${more}.${worth(planning, found)}`,
    down: `This plan should bring ${more}.${worth(planning, found)}`,
    open: `Best estimate: ${more}, but the ${gain.mean < 0 ? "loss" : "gain"} may be zero: the interval includes it.`,
  }[gainSide(found)];
}

/** Whether a gain pays for what is spent on top, or savings for a loss. */
function worth(planning, found) {
  const now = currentTotal(planning.channels);
  const extra = planTotal(planning.plan, planning.channels) - now;
  if (!planning.priced || Math.abs(extra) <= DUST * now || Math.sign(extra) !== Math.sign(found.gain.mean)) return "";
  const saved = amount(-extra, planning.currency);
  return (extra > 0 ? {
    up: " It pays for the extra spend.",
    open: " Whether that is worth the extra spend is open.",
    down: " It would not pay for the extra spend.",
  } : {
    up: ` The ${saved} it saves are worth more than that.`,
    open: ` It saves ${saved}; whether that makes up for it is open.`,
    down: ` The ${saved} it saves do not make up for it.`,
  })[profitSide(found, planning)] ?? "";
}

function tiles(planning, found) {
  const { currency: money, priced } = planning;
  const spent = planTotal(planning.plan, planning.channels);
  const { level } = planning.answer;
  return [
    tile("Spend", amount(spent, money), `${change(spent, currentTotal(planning.channels))}`),
    tile(`Expected ${planning.kpi}`, number(found.kpi.mean, 3), [interval(found.kpi, level, (kpi) => span(kpi, 3)), afterwards(found, planning)]),
    tile(`${subject(planning.kpi)} gained against now`, gained(found), [interval(found.gain, level, signedSpan), odds(found)], gainSide(found)),
    found.gain_at && tile("Gain at 5 / 50 / 95 %", gainsAt(found), [worst(found), regret(planning, found)], gainSide(found)),
    priced && tile("Value gained, less extra spend", signedMoney(found.profit_gain, money, profitSide(found, planning)), interval(found.profit_gain, level, signedSpan), profitSide(found, planning)),
    priced && found.total_roi && tile(`Return on 1\u00a0${money}`, number(found.total_roi.mean), interval(found.total_roi, level)),
  ];
}

/** What of the expected KPI falls after the horizon. */
export function afterwards(found, planning) {
  const after = found.effect_after_horizon;
  return after.mean > DUST * found.kpi.mean ? `${number(after.mean)} of it after the ${count(planning.plan.horizon, planning.period)}` : "";
}

/** The chance that a plan gains at all; nothing where it is the status quo or nobody can know. */
export const odds = (found) => (gainSide(found) === "level" || found.chance_of_gain === null ? "" : `chance of a gain ${chance(found.chance_of_gain)}`);

/** The mean gain of the worst tenth of cases; nothing where it is the status quo or nobody can know. */
export const worst = (found) => (gainSide(found) === "level" || found.cvar == null ? "" : `in the worst tenth of cases ${signed(number(found.cvar))}`);

/** The gain that is reached in 95, 50 and 5 of 100 cases. */
export function gainsAt(found) {
  const { p5, p50, p95 } = found.gain_at;
  return gainSide(found) === "level" ? "0" : [p5, p50, p95].map((value) => signed(number(value))).join(" / ");
}

/** What the best plan would add on average: of all in hindsight where that was sought, else of those shown. */
function regret(planning, found) {
  const { outcome: best } = planning;
  const unit = (isMoney) => (isMoney ? planning.currency : planning.kpi);
  if (best?.regret && isPlanned(planning, best.spend)) {
    return `expected regret ${amount(best.regret.mean, unit(best.objective === "profit"), 2)} against the best plan in hindsight`;
  }
  if (!found.regret) return "";
  return `expected regret ${amount(found.regret.mean, unit(planning.priced), 2)} against the best plan shown`;
}

/** Whether the plan in work spends these amounts. */
export const isPlanned = (planning, spend) => Object.entries(spend ?? {}).length > 0
  && Object.entries(spend).every(([name, value]) => Math.abs(planning.plan.amounts[name] - value) <= 0.011 + DUST * value);

/** Letters of a value that fits a tile in large type. */
const LARGE = 13;

/** A figure of the headline: its name, its value, and its interval and remarks below. */
export const tile = (term, value, below, mood = "") =>
  h("div", { class: value.length > LARGE ? `several ${mood}` : mood }, h("dt", {}, term), h("dd", {}, value), [below].flat().filter(Boolean).map((text) => h("dd", { class: "range" }, text)));

/** A gain with its sign; rounding errors are none. */
export const gained = (found) => (gainSide(found) === "level" ? "0" : signed(number(found.gain.mean)));

/** "+1.2 M USD"; 0 where the difference is dust. */
export function signedMoney(estimate, money, where) {
  return `${where === "level" ? "0" : signed(number(estimate.mean))}\u00a0${money}`;
}
