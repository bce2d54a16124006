// What goes on paper: the plan as tables, and every chart drawn.

import { fill, find, h } from "../base/dom.js";
import { drawAll } from "../base/figures.js";
import { amount, change, count, day, number, span, subject } from "../base/format.js";
import { nextFactor, nextWords, times } from "./returns.js";
import { sumOf } from "./spread.js";
import { periodsOf } from "./weekly.js";

/** Columns of periods that a sheet has room for; more are told in blocks. */
const MOST_COLUMNS = 14;

/** Size of a sheet: that of channels which fit a page at once, within what can be read. */
const [ROOM, SMALLEST, LARGEST] = [11.5, 0.5, 0.92];

/** Print the plan alone, on one page. */
export async function printPlan(planning) {
  document.body.dataset.print = "plan";
  document.body.style.setProperty("--fit", String(Math.min(LARGEST, Math.max(SMALLEST, ROOM / planning.channels.length))));
  if (!planning.isAnswered) await planning.evaluate();
  await drawAll();
  addEventListener("afterprint", () => { delete document.body.dataset.print; }, { once: true });
  print();
}

/** Fill the sheet that only paper shows. */
export function preparePaper(planning) {
  fill(find("sheet"), planning?.isAnswered && [channelTable(planning), periodTable(planning)]);
}

function channelTable(planning) {
  const unit = { inBudget: true, unit: planning.currency };
  const heads = ["Channel", "Planned", "Now", "Change", `Brings, ${planning.kpi}`, nextWords(unit, planning)];
  const rows = planning.rows;
  const cell = (value, more) => h("td", {}, value, more && h("small", {}, more));
  return h("table", {},
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, planning.channels.map((channel) => {
      const row = rows.get(channel.name);
      const next = times(row.marginal_roi, nextFactor(planning));
      return h("tr", {}, h("th", { scope: "row" }, subject(channel.name)), cell(amount(row.spend, channel.unit), row.extrapolated && "beyond"),
        cell(amount(channel.current, channel.unit)), cell(change(row.spend, channel.current)), cell(number(row.kpi.mean), span(row.kpi)), cell(number(next.mean), span(next)));
    })));
}

function periodTable(planning) {
  const { dates, channels, period } = planning;
  const size = Math.ceil(dates.length / MOST_COLUMNS);
  const starts = dates.map((_, place) => place).filter((place) => place % size === 0);
  const within = (values, start) => sumOf(values.slice(start, start + size));
  return h("table", { class: "periods" },
    h("caption", {}, `Planned by ${size > 1 ? `${size} ${period}s` : period}, ${count(dates.length, period)} from ${day(dates[0])}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Channel"), starts.map((start) => h("th", { scope: "col" }, day(dates[start]).replace(/\s\d{4}$/, ""))))),
    h("tbody", {}, channels.map(({ name }) => {
      const values = periodsOf(planning, name);
      return h("tr", {}, h("th", { scope: "row" }, subject(name)), starts.map((start) => h("td", {}, number(within(values, start)))));
    })));
}
