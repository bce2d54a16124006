// Charts of the comparison: gains with intervals, where the money goes, and the KPI over time.

import { ACCENT, INK, NOW, PAPER, SOFT, fade } from "../base/colours.js";
import { find } from "../base/dom.js";
import { axis, draw, escaped, short } from "../base/figures.js";
import { amount, day, number, signedSpan, span, subject } from "../base/format.js";
import { gainSide, gained } from "./result.js";

const ROW_PX = 44;
const LONGEST_LABEL = 22;
const LEGEND = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" };

const names = (columns) => ({
  tickmode: "array", tickvals: columns.map((_, place) => place), ticktext: columns.map((column) => short(column.name, LONGEST_LABEL)),
  range: [columns.length - 0.5, -0.5], showgrid: false, tickfont: { size: 12, color: INK }, automargin: true, fixedrange: true, ticks: "", zeroline: false,
});

/** Gain of every scenario, as a point with whiskers. */
export function drawGains(columns, planning) {
  const plot = find("gains");
  const shown = columns.slice(1);
  plot.style.height = `${70 + ROW_PX * shown.length}px`;
  const alt = shown.map(({ name, found }) => `${name}: ${gained(found)} (${signedSpan(found.gain)})`).join("; ");
  draw(plot, () => ({ traces: [gains(shown)], layout: gainLayout(shown, planning) }), `${planning.kpi} gained against now. ${alt}`);
}

function gains(shown) {
  const mean = shown.map(({ found }) => found.gain.mean);
  const known = shown.every(({ found }) => found.gain.lower !== null);
  return {
    type: "scatter", mode: "markers", x: mean, y: shown.map((_, place) => place),
    marker: { size: 11, color: shown.map((column) => (column.id === "plan" ? ACCENT : NOW)) },
    error_x: {
      type: "data", symmetric: false, visible: known, thickness: 2, width: 6, color: INK,
      array: shown.map(({ found }) => found.gain.upper - found.gain.mean),
      arrayminus: shown.map(({ found }) => found.gain.mean - found.gain.lower),
    },
    hoverinfo: "text",
    hovertext: shown.map(({ name, found }) => `<b>${escaped(name)}</b><br>${gained(found)} (${signedSpan(found.gain)})`),
  };
}

/** Gains of nothing leave no scale of their own. */
const noGain = { range: [-1, 1], tickmode: "array", tickvals: [0], ticktext: ["0"] };

const gainLayout = (shown, planning) => ({
  margin: { l: 20, r: 16, t: 10, b: 44 },
  xaxis: axis(planning.kpi, {
    rangemode: "tozero", zeroline: true, zerolinecolor: INK, zerolinewidth: 1.2,
    ...(shown.every(({ found }) => gainSide(found) === "level") ? noGain : {}),
  }),
  yaxis: names(shown),
});

/** Spend by channel, stacked, a bar for every scenario. */
export function drawMix(columns, planning) {
  const plot = find("mix");
  plot.style.height = `${70 + ROW_PX * columns.length}px`;
  const priced = planning.channels.filter((channel) => channel.inBudget);
  const traces = priced.map((channel) => {
    const rows = columns.map(({ found }) => found.channels.find((row) => row.channel === channel.name));
    return {
      type: "bar", orientation: "h", y: columns.map((_, place) => place), x: rows.map((row) => row.spend), width: 0.56,
      marker: { color: fade(channel.colour, 0.9), line: { width: 1, color: PAPER } }, name: escaped(subject(channel.name)),
      hoverinfo: "text",
      hovertext: rows.map((row, place) => `<b>${escaped(subject(channel.name))}</b>, ${escaped(columns[place].name)}<br>${amount(row.spend, channel.unit)}`),
    };
  });
  const layout = { barmode: "stack", margin: { l: 20, r: 16, t: 10, b: 44 }, xaxis: axis(planning.currency), yaxis: names(columns) };
  draw(plot, () => ({ traces, layout }), "Spend by channel of every scenario; the numbers are in the table above.");
}

/** Expected KPI by period: now repeated, and the plan with its interval. */
export function drawCourse(planning) {
  const { plan, status_quo: now } = planning.answer;
  const plot = find("course");
  plot.hidden = find("course-title").hidden = plan.periods.length < 2;
  if (plot.hidden) return;
  const traces = [
    ...courseBand(plan.periods),
    course("Now, repeated", now.periods, { color: NOW, width: 2, dash: "dot" }),
    course("Plan in work", plan.periods, { color: ACCENT, width: 2.4 }),
  ];
  const layout = {
    margin: { l: 52, r: 16, t: 28, b: 36 }, showlegend: true, legend: LEGEND,
    xaxis: { type: "date", fixedrange: true, showgrid: false, tickfont: { size: 11.5, color: SOFT }, automargin: true, nticks: 6, tickformat: "%-d %b\n%Y" },
    yaxis: axis(subject(planning.kpi)),
  };
  draw(plot, () => ({ traces, layout }), `Expected ${planning.kpi} by ${planning.period}: now repeated, and the plan.`);
}

const course = (name, periods, line) => ({
  type: "scatter", mode: "lines", name, line, x: periods.map((one) => one.date), y: periods.map((one) => one.kpi.mean),
  hoverinfo: "text",
  hovertext: periods.map((one) => `<b>${name}</b>, ${day(one.date)}<br>${number(one.kpi.mean, 3)} (${span(one.kpi, 3)})`),
});

function courseBand(periods) {
  if (periods.some((one) => one.kpi.lower === null)) return [];
  const edge = (field) => ({
    type: "scatter", mode: "lines", x: periods.map((one) => one.date), y: periods.map((one) => one.kpi[field]),
    line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  });
  return [edge("lower"), { ...edge("upper"), fill: "tonexty", fillcolor: fade(ACCENT, 0.14) }];
}
