// What the page says about the model itself: where its figures come from, and what its checks found.

import { fill, find, h } from "../base/dom.js";
import { count, day, label, percent, subject } from "../base/format.js";

const HARMLESS = new Set(["info", "ok"]);

/** Fill the lines about the model that is planned with. */
export function showModel(planning) {
  const { info, version } = planning;
  const { model } = planning.answer;
  fill(find("about"),
    h("b", {}, `${subject(planning.brand)} · ${label(planning.market)}`),
    ` Model${version ? ` version ${brief(version)}` : ""}, data from ${day(info.first_date ?? model.first_date)} to ${day(model.last_date)}${trust(info)}.`,
    ` Plans start on ${planning.starts()} and are compared with repeating the last ${count(planning.plan.horizon, planning.period)}.`);
  find("provenance").textContent = [
    `Trained until ${day(model.trained_until)} with ${count(model.members, "ensemble member")}`,
    model.data_fingerprint && `data ${model.data_fingerprint.slice(0, 12)}`,
    model.spec_digest && `settings ${model.spec_digest.slice(0, 12)}`,
  ].filter(Boolean).join(" · ");
  fill(find("assumptions"), assumptions(planning, model).map((text) => h("li", {}, text)));
  fill(find("checks"), findings(info.warnings ?? []));
}

/** A digest's first letters name it well enough. */
export const brief = (version) => (/^[0-9a-f]{12,}$/.test(version) ? version.slice(0, 8) : version);

/** How far forecasts of periods that the model had not seen were off. */
function trust(info) {
  const seen = info.scores?.test ?? info.scores?.holdout;
  return Number.isFinite(seen?.wape) ? `; off by ${percent(seen.wape)} on periods it had not seen` : "";
}

function assumptions(planning, model) {
    const value = `${planning.currency}\u00a0${Number(planning.answer.kpi_value.toPrecision(4))}`;
  return [
    model.members > 1
      ? `An interval holds the true value with ${percent(planning.answer.level)} probability, as far as the model is right. It comes from ${count(model.members, "ensemble member")}.`
      : "The model has one ensemble member, so how sure its figures are is unknown. Fit it with several to see intervals.",
    `Gains are against repeating the last ${count(planning.plan.horizon, planning.period)}, and count what planned media still bring afterwards.`,
    `One unit of ${planning.kpi} is valued at ${value}; returns and worth follow from it.`,
    ...planning.answer.assumptions,
  ];
}

function findings(rows) {
  const shown = rows.filter((row) => !HARMLESS.has(row.severity));
  if (!shown.length) return [];
  return [
    h("h3", {}, "What the checks of this model found"),
    h("ul", {}, shown.map((row) => h("li", {},
      h("b", {}, row.where ? `${subject(row.where)}: ` : ""), [row.what, row.why, row.what_to_do].filter(Boolean).join(" ")))),
  ];
}
