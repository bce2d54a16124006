// Plans from cautious to bold: expected gain against the bad case, each to be taken.

import { ACCENT, INK, NOW } from "../base/colours.js";
import { cards, fill, find, h } from "../base/dom.js";
import { axis, draw, escaped } from "../base/figures.js";
import { amount, chance, change, number, percent, signed, subject } from "../base/format.js";
import { DUST, isPlanned } from "./result.js";

/** Show the frontier that the last answer had; nothing where none was asked for. */
export function showFrontier(planning) {
  const box = find("frontier");
  const rows = planning.frontier;
  box.hidden = !rows;
  if (!rows) return;
  const chosen = rows.findIndex((row) => isPlanned(planning, row.spend));
  const take = (place) => planning.setAmounts(rows[place].spend);
  find("frontier-reading").textContent = `Each point is the best plan for so much caution, within the same limits: to the right it loses less when things go badly, to the top it gains more on average. Click a point, or Take below, to put it on the sliders${chosen < 0 ? "" : "; the filled one is in work"}.`;
  if (!find("frontier-table").contains(document.activeElement)) fill(find("frontier-table"), table(rows, chosen, planning, take));
  else mark(chosen);
  const alt = rows.map((row) => `${caution(row, rows)}: gains ${number(row.gain.mean)} on average, ${number(row.cvar)} in the worst tenth`).join("; ");
  draw(find("frontier-plot"), () => figure(rows, chosen, planning), `Plans from cautious to bold. ${alt}`, take);
}

/** A gain with three digits, since plans of a frontier differ by little; rounding errors are none. */
const teller = (planning) => (value) => (Math.abs(value) <= DUST * planning.answer.plan.kpi.mean ? "0" : signed(number(value, 3)));

/** "most cautious", "67 % cautious", "boldest". */
function caution(row, rows) {
  if (row === rows[0]) return "most cautious";
  return row === rows.at(-1) ? "boldest" : `${percent(row.caution)} cautious`;
}

function table(rows, chosen, planning, take) {
  const told = teller(planning);
  const channels = planning.channels.filter((channel) => channel.inBudget);
  const heads = ["Plan", "Gain on average", "In the worst tenth", "At 5 / 50 / 95 %", "Chance of a gain", ...channels.map(({ name }) => subject(name))];
  return cards(h("table", {},
    h("caption", { class: "sr" }, "Plans from cautious to bold"),
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((row, place) => h("tr", { class: place === chosen ? "taken" : null },
      h("th", { scope: "row" }, caution(row, rows), h("small", {}, h("button", { type: "button", "aria-label": `Take the plan that is ${caution(row, rows)}`, onclick: () => take(place) }, "Take"))),
      h("td", {}, told(row.gain.mean), row.gain.lower !== null && h("small", {}, `${told(row.gain.lower)} to ${told(row.gain.upper)}`)),
      h("td", {}, row.cvar === null ? "unknown" : told(row.cvar)),
      h("td", {}, row.gain_at ? [row.gain_at.p5, row.gain_at.p50, row.gain_at.p95].map(told).join(" / ") : "unknown"),
      h("td", {}, row.chance_of_gain === null ? "unknown" : chance(row.chance_of_gain)),
      channels.map((channel) => h("td", {}, amount(row.spend[channel.name], channel.unit), h("small", {}, change(row.spend[channel.name], channel.current)))),
    )))));
}

function mark(chosen) {
  find("frontier-table").querySelectorAll("tbody tr").forEach((row, place) => row.classList.toggle("taken", place === chosen));
}

function figure(rows, chosen, planning) {
  const told = teller(planning);
  const words = rows.map((row) => caution(row, rows));
  const ends = rows.map((row, place) => (place === 0 || place === rows.length - 1 ? words[place] : ""));
  return {
    traces: [{
      type: "scatter", mode: "lines+markers+text", x: rows.map((row) => row.cvar), y: rows.map((row) => row.gain.mean),
      text: ends, textposition: rows.map((_, place) => (place === 0 ? "middle left" : "top right")), textfont: { size: 12, color: INK }, cliponaxis: false,
      line: { color: NOW, width: 1.5 },
      marker: { size: rows.map((_, place) => (place === chosen ? 15 : 12)), symbol: rows.map((_, place) => (place === chosen ? "circle" : "circle-open")), color: ACCENT, line: { width: 2.4, color: ACCENT } },
      hoverinfo: "text",
      hovertext: rows.map((row, place) => `<b>${escaped(words[place])}</b><br>on average ${told(row.gain.mean)}<br>in the worst tenth ${told(row.cvar)}`),
    }],
    layout: {
      margin: { l: 60, r: 90, t: 28, b: 48 },
      xaxis: axis(`${subject(planning.kpi)} gained in the worst tenth of cases`, { zeroline: true }),
      yaxis: axis(`${subject(planning.kpi)} gained on average`),
    },
  };
}
