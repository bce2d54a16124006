// A response curve for every channel, over the horizon planned: interval, now, planned, beyond experience.

import { BEYOND, INK, NOW, fade } from "./colours.js";
import { fill, find, h } from "./dom.js";
import { axis, draw, drop, escaped } from "./figures.js";
import { amount, change, count, number, percent, span, subject } from "./format.js";

/** Build a chart per channel; the result updates them from the desk's answers. */
export function curveCharts(desk) {
  const box = find("curves");
  for (const old of box.querySelectorAll(".plot")) drop(old);
  const charts = desk.channels.map((channel) => chart(channel, desk));
  fill(box, charts.map((one) => one.element));
  fill(find("curves-reading"), reading(desk));
  return () => charts.forEach((one) => one.update());
}

function reading(desk) {
  return [
    `${upper(desk.kpi)} that each channel's spend over ${count(desk.plan.horizon, desk.period)} brings, carry-over included. `,
    `Band: ${percent(desk.answer.level)} interval. Open circle: now. Filled circle: the plan. Reddish: more than was ever spent, so the curve there is its shape, not data.`,
  ];
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function chart(channel, desk) {
  const plot = h("div", { class: "plot" });
  const words = h("span", {});
  const title = h("b", {}, h("span", { class: "dot" }), subject(channel.name));
  const element = h("figure", { class: "curve" }, h("figcaption", {}, title, words), plot);
  element.style.setProperty("--channel", channel.colour);
  let seen = "";

  function update() {
    const state = stateOf(channel, desk);
    if (!state) return;
    fill(words, sentences(state, channel, desk).map((text) => h("span", { class: "line" }, text)), care(channel, desk));
    const key = JSON.stringify([state.planned.spend, state.planned.kpi, state.curve.length, state.curve.at(-1)]);
    if (key === seen) return;
    seen = key;
    draw(plot, () => figure(state, channel, desk), `Response curve of ${subject(channel.name)}. ${words.textContent}`);
  }

  return { element, update };
}

/** The channel's rows in the answers: now, planned, and points along the curve. */
function stateOf(channel, desk) {
  if (!desk.answer || !desk.curves) return null;
  const mine = (plan) => plan.channels.find((row) => row.channel === channel.name);
  return { now: mine(desk.answer.status_quo), planned: mine(desk.answer.plan), curve: desk.curves.map(mine) };
}

function sentences({ now, planned }, channel, desk) {
  const brings = (row) => `${amount(row.spend, channel.unit)} ${row.spend > 0 ? `brings ${number(row.kpi.mean)} ${desk.kpi} (${span(row.kpi)})` : `brings no ${desk.kpi}`}`;
  const next = (row) => `Next ${one(channel)} returns ${number(row.marginal_roi.mean)} (${span(row.marginal_roi)})`;
  const moved = change(planned.spend, now.spend);
  if (moved === "as now") return [`Now ${brings(now)}`, next(now)];
  return [`Now ${brings(now)}`, `Plan (${moved}) ${brings(planned)}`, next(planned)];
}

/** What the model's checks found about the channel. */
const care = (channel, desk) =>
  (desk.info.warnings ?? []).filter((row) => row.where === channel.name).map((row) => h("span", { class: "line care" }, `Take care: ${row.why}`));

const one = (channel) => (channel.inBudget ? `${channel.unit}\u00a01` : `1 ${channel.unit}`);

function figure(state, channel, desk) {
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
    hoverinfo: "text", hovertext: curve.map((row) => hover(row, channel, desk)),
  };
  const traces = [...band, mean, point(now, channel, desk, "Now"), point(planned, channel, desk, "Planned")];
  const end = x.at(-1);
  return {
    traces,
    layout: {
      margin: { l: 44, r: 12, t: 8, b: 40 },
      xaxis: axis(`${channel.unit} over ${count(desk.plan.horizon, desk.period)}`, { range: [0, end], showgrid: false }),
      yaxis: axis(upper(desk.kpi), { rangemode: "tozero" }),
      shapes: channel.supported < end ? [beyond(channel.supported, end)] : [],
    },
  };
}

const beyond = (from, to) => ({
  type: "rect", x0: from, x1: to, y0: 0, y1: 1, yref: "paper", fillcolor: BEYOND, line: { width: 0 }, layer: "below",
});

function point(row, channel, desk, what) {
  const isNow = what === "Now";
  return {
    type: "scatter", mode: "markers", x: [row.spend], y: [row.kpi.mean], cliponaxis: false,
    marker: {
      size: isNow ? 11 : 10, symbol: isNow ? "circle-open" : "circle",
      color: isNow ? NOW : channel.colour, line: { width: isNow ? 2.4 : 1.5, color: isNow ? NOW : INK },
    },
    hoverinfo: "text", hovertext: [`<b>${what}</b><br>${hover(row, channel, desk)}`],
  };
}

const hover = (row, channel, desk) => [
  escaped(amount(row.spend, channel.unit)),
  `${escaped(desk.kpi)} ${number(row.kpi.mean)} (${span(row.kpi)})`,
  `next ${escaped(one(channel))} returns ${number(row.marginal_roi.mean)}`,
].join("<br>");
