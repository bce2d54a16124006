// A response curve for every channel, over the horizon planned: interval, now, planned, beyond experience.

import { INK, NOW, beyond, fade, tone } from "../base/colours.js";
import { fill, find, h } from "../base/dom.js";
import { axis, draw, drop, escaped } from "../base/figures.js";
import { amount, change, count, number, percent, span, subject } from "../base/format.js";
import { settling } from "./checks.js";
import { nextFactor, nextWords, times } from "./returns.js";

/** Build a chart per channel; the result updates them from the service's answers. */
export function curveCharts(planning) {
  const box = find("curves");
  for (const old of box.querySelectorAll(".plot")) drop(old);
  const charts = planning.channels.map((channel) => chart(channel, planning));
  fill(box, charts.map((one) => one.element));
  return () => {
    fill(find("curves-reading"), reading(planning));
    if (planning.isAnswered && planning.curves) charts.forEach((one) => one.update());
  };
}

function reading(planning) {
  return [
    `${upper(planning.kpi)} that each channel's spend over ${count(planning.plan.horizon, planning.period)} brings, carry-over included. `,
    Object.keys(planning.plan.frequency).length > 0 && "Curves are at the plan's frequency, the open circles at today's. ",
    planning.plan.effects === "total" && "Direct effects here; the plan's figures above count what channels do through others too. ",
    `Band: ${percent(planning.answer.level)} interval. Open circle: now. Filled circle: the plan. Reddish: more than was ever spent, so the curve there is its shape, not data.`,
  ];
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function chart(channel, planning) {
  const plot = h("div", { class: "plot" });
  const words = h("span", {});
  const title = h("b", {}, h("span", { class: "dot" }), subject(channel.name));
  const element = h("figure", { class: "curve" }, h("figcaption", {}, title, words), plot);
  element.style.setProperty("--channel", tone(channel.colour));
  let seen = "";

  function update() {
    const state = stateOf(channel, planning);
    fill(words, sentences(state, channel, planning).map((text) => h("span", { class: "line" }, text)), care(channel, planning), settling(channel, planning));
    const key = JSON.stringify([state.planned.spend, state.planned.kpi, state.curve.length, state.curve.at(-1)]);
    if (key === seen) return;
    seen = key;
    draw(plot, () => figure(state, channel, planning), `Response curve of ${subject(channel.name)}. ${words.textContent}`);
  }

  return { element, update };
}

/** The channel's rows in the answers: now, planned, and points along the curve. */
function stateOf(channel, planning) {
  const mine = (plan) => plan.channels.find((row) => row.channel === channel.name);
  const { now, plan } = planning.plan.effects === "total" ? planning.direct : { now: planning.answer.status_quo, plan: planning.answer.plan };
  return { now: mine(now), planned: mine(plan), curve: planning.curves.map(mine) };
}

function sentences({ now, planned }, channel, planning) {
  const factor = nextFactor(planning);
  const brings = (row) => `${amount(row.spend, channel.unit)} ${row.spend > 0 ? `brings ${number(row.kpi.mean)} ${planning.kpi} (${span(row.kpi)})` : `brings no ${planning.kpi}`}`;
  const next = (row) => `${nextWords(channel, planning)} ${number(factor * row.marginal_roi.mean)} (${span(times(row.marginal_roi, factor))})`;
  const moved = change(planned.spend, now.spend);
  if (moved === "as now") return [`Now ${brings(now)}`, next(now)];
  return [`Now ${brings(now)}`, `Plan (${moved}) ${brings(planned)}`, next(planned)];
}

/** What the model's checks found about the channel: the first finding, the others counted. */
function care(channel, planning) {
  const found = (planning.info.warnings ?? []).filter((row) => row.where === channel.name);
  const more = found.length > 1 ? ` (and ${count(found.length - 1, "more finding")}, at the end of the page)` : "";
  return found.length > 0 && h("span", { class: "line care" }, `Take care: ${found[0].why}${more}`);
}

function figure(state, channel, planning) {
  const { now, planned, curve } = state;
  const x = curve.map((row) => row.spend);
  const line = { type: "scatter", mode: "lines", x, hoverinfo: "skip" };
  const known = curve.every((row) => row.kpi.lower !== null);
  const band = known ? [
    { ...line, y: curve.map((row) => row.kpi.lower), line: { width: 0 } },
    { ...line, y: curve.map((row) => row.kpi.upper), line: { width: 0 }, fill: "tonexty", fillcolor: fade(channel.colour, 0.16) },
  ] : [];
  const mean = {
    ...line, y: curve.map((row) => row.kpi.mean), line: { width: 2.4, color: channel.colour, shape: "spline", smoothing: 0.6 },
    hoverinfo: "text", hovertext: curve.map((row) => hover(row, channel, planning)),
  };
  const traces = [...band, mean, point(now, channel, planning, "Now"), point(planned, channel, planning, "Planned")];
  const end = x.at(-1);
  return {
    traces,
    layout: {
      margin: { l: 44, r: 12, t: 8, b: 40 },
      xaxis: axis(`${channel.unit} over ${count(planning.plan.horizon, planning.period)}`, { range: [0, end], showgrid: false }),
      yaxis: axis(upper(planning.kpi), { rangemode: "tozero" }),
      shapes: channel.supported < end ? [untried(channel.supported, end)] : [],
    },
  };
}

const untried = (from, to) => ({
  type: "rect", x0: from, x1: to, y0: 0, y1: 1, yref: "paper", fillcolor: beyond(), line: { width: 0 }, layer: "below",
});

function point(row, channel, planning, what) {
  const isNow = what === "Now";
  return {
    type: "scatter", mode: "markers", x: [row.spend], y: [row.kpi.mean], cliponaxis: false,
    marker: {
      size: isNow ? 11 : 10, symbol: isNow ? "circle-open" : "circle",
      color: isNow ? NOW : channel.colour, line: { width: isNow ? 2.4 : 1.5, color: isNow ? NOW : INK },
    },
    hoverinfo: "text", hovertext: [`<b>${what}</b><br>${hover(row, channel, planning)}`],
  };
}

const hover = (row, channel, planning) => [
  escaped(amount(row.spend, channel.unit)),
  `${escaped(planning.kpi)} ${number(row.kpi.mean)} (${span(row.kpi)})`,
  `${escaped(nextWords(channel, planning).toLowerCase())} ${number(nextFactor(planning) * row.marginal_roi.mean)}`,
].join("<br>");
