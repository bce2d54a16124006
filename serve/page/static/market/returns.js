// What one more unit brings, in words: money where a KPI unit has a stated value, else KPI for each thousand.

import { amount } from "../base/format.js";

const THOUSAND = 1000;

/** Units that a marginal return is told for. */
export const nextFactor = (planning) => (planning.priced ? 1 : THOUSAND);

/** "Next 1 USD returns", "Next 1 k currency units bring, orders:". */
export function nextWords(channel, planning) {
  const unit = channel.inBudget ? channel.unit : planning.priced ? "unit" : "units";
  return planning.priced ? `Next ${amount(1, unit)} returns` : `Next ${amount(THOUSAND, unit)} bring`;
}

/** An estimate times a factor. */
export const times = ({ mean, lower, upper }, factor) =>
  ({ mean: mean * factor, lower: lower === null ? null : lower * factor, upper: upper === null ? null : upper * factor });
