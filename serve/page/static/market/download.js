// The comparison as files: CSV for a spreadsheet, JSON with the request that repeats it.

import { columnsOf } from "./compare.js";
import { scenarioRequest } from "./plan.js";

const BOUNDS = ["mean", "lower", "upper"];

/** One line per scenario and channel, and one for each scenario's total. */
export function csvOf(planning) {
  const estimates = ["kpi", "gain", "profit_gain", "roi", "marginal_roi"];
  const header = [
    "brand", "market", "model_version", "data_until", "horizon", "scenario", "channel", "unit", "spend", "current_spend",
    ...estimates.flatMap((name) => [name, `${name}_lower`, `${name}_upper`]), "chance_of_gain", "beyond_experience",
  ];
  const common = [planning.brand, planning.market, planning.version ?? "", planning.answer.model.last_date ?? "", planning.plan.horizon];
  const lines = columnsOf(planning).flatMap(({ name, found }) => [
    [...common, name, "all", planning.currency, found.budget, planning.answer.status_quo.budget,
      ...bounds(found.kpi), ...bounds(found.gain), ...bounds(found.profit_gain), ...bounds(found.total_roi), ...bounds(null), found.chance_of_gain ?? "",
      found.extrapolated.length > 0],
    ...found.channels.map((row) => [...common, name, row.channel, row.unit, row.spend, row.current_spend,
      ...bounds(row.kpi), ...bounds(null), ...bounds(null), ...bounds(row.roi), ...bounds(row.marginal_roi), "", row.extrapolated]),
  ]);
  return csvText([header, ...lines]);
}

const bounds = (estimate) => BOUNDS.map((name) => estimate?.[name] ?? "");

/** Lines of values as a file for spreadsheets. */
export const csvText = (lines) => lines.map((values) => `${values.map(csvField).join(",")}\r\n`).join("");

/** Quoted where it must be; a text that a spreadsheet would take for a formula gets an apostrophe. */
function csvField(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(12)));
  const text = String(value);
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Everything on the page, and the requests that make it again. */
export function jsonOf(planning) {
  const { answer, plan, brand, market, version } = planning;
  const scenarios = columnsOf(planning).map(({ name, found }) => ({ ...found, name }));
  const { saved: _, plan: __, status_quo: ___, plans: ____, ...common } = answer;
  const request = scenarioRequest(plan);
  return JSON.stringify({ brand, market, model_version: version, ...common, scenarios, request }, null, 2) + "\n";
}

/** Hand a file of the answer to the plan as it is now to the browser; `refuse` is told that there is none. */
export async function saveAnswered(planning, name, kind, contentOf, refuse) {
  if (!planning.isAnswered) await planning.evaluate();
  if (planning.isAnswered) save(name, kind, contentOf(planning));
  else refuse("This plan is not computed, so there is nothing to save. Ask again, then save it.");
}

/** Hand a text or the content of a file to the browser as a file. */
export function save(name, kind, content) {
  const address = URL.createObjectURL(new Blob([content], { type: kind }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
