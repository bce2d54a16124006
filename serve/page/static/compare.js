// Scenarios side by side: a column each, gains with intervals as a chart, and where the money goes.

import { INK, NOW, fade } from "./colours.js";
import { fill, find, h } from "./dom.js";
import { axis, draw, escaped } from "./figures.js";
import { amount, change, number, signed, signedSpan, span, subject } from "./format.js";
import { gained, side, signedMoney } from "./result.js";

const ROW_PX = 44;
const LONGEST_LABEL = 22;

/** Columns of the comparison: now, the plan in work, the saved ones. */
export function columnsOf(desk) {
  const { answer, plan } = desk;
  if (!answer) return [];
  return [
    { id: "now", name: "Now, repeated", found: answer.status_quo },
    { id: "plan", name: "Plan in work", found: answer.plan },
    ...plan.saved.filter((one) => answer.saved[one.id]).map((one) => ({ ...one, found: answer.saved[one.id] })),
  ];
}

/** Show table and charts. `act` loads, renames and removes saved scenarios. */
export function showComparison(desk, act) {
  const columns = columnsOf(desk);
  if (!columns.length) return;
  if (!find("compared").contains(document.activeElement) || document.activeElement.tagName !== "INPUT") {
    fill(find("compared"), table(columns, desk, act));
  }
  find("gains-title").textContent = `${subject(desk.kpi)} gained against now, with 90\u00a0% interval`;
  find("mix-title").textContent = `Where the money goes, ${desk.currency}`;
  drawGains(columns, desk);
  drawMix(columns, desk);
}

function table(columns, desk, act) {
  const money = desk.currency;
  const now = columns[0].found;
  const line = (name, cell) => h("tr", {}, h("th", { scope: "row" }, name), columns.map((column) => cell(column.found)));
  const cell = (value, more, strong = false) => h("td", { class: strong ? "strong" : null }, value, more && h("small", {}, more));
  const against = (show) => (found) => (found === now ? cell("–") : show(found));
  return h("table", {},
    h("caption", { class: "sr" }, "Scenarios side by side"),
    h("thead", {}, h("tr", {}, h("td", {}), columns.map((column) => head(column, act)))),
    h("tbody", {},
      line("Spend", (found) => cell(amount(found.budget, money), found === now ? "" : change(found.budget, now.budget), true)),
      line(`Expected ${desk.kpi}`, (found) => cell(number(found.kpi.mean, 3), span(found.kpi, 3), true)),
      line(`${subject(desk.kpi)} gained`, against((found) => cell(gained(found.gain), [signedSpan(found.gain), doubt(found.gain)], true))),
      line("Value gained, less extra spend", against((found) => cell(signedMoney(found.profit_gain.mean, money), signedSpan(found.profit_gain)))),
      line(`Return on ${money}\u00a01`, (found) => (found.total_roi ? cell(number(found.total_roi.mean), span(found.total_roi)) : cell("–"))),
      desk.channels.map((channel) => line(dotted(channel), (found) => {
        const row = found.channels.find((one) => one.channel === channel.name);
        const remarks = [found === now ? "" : change(row.spend, channel.current), row.extrapolated ? "beyond experience" : ""];
        return cell(amount(row.spend, channel.unit), remarks.filter(Boolean).join(", "));
      })),
    ),
  );
}

/** What an interval around zero means. */
const doubt = (gain) => side(gain) === "open" && h("small", {}, gain.mean < 0 ? "the loss may be zero" : "the gain may be zero");

function dotted(channel) {
  const dot = h("span", { class: "dot" });
  dot.style.setProperty("--channel", channel.colour);
  return [dot, " ", subject(channel.name)];
}

function head(column, act) {
  const saved = column.id.startsWith("s");
  if (!saved) return h("th", { scope: "col" }, column.name);
  const name = h("input", {
    value: column.name, maxlength: 60, "aria-label": `Name of scenario ${column.name}`,
    onchange: () => act.rename(column.id, name.value),
  });
  return h("th", { scope: "col" }, name,
    h("span", { class: "tools" },
      h("button", { type: "button", "aria-label": `Load ${column.name} into the plan`, onclick: () => act.load(column.id) }, "Load"),
      h("button", { type: "button", "aria-label": `Remove ${column.name}`, onclick: () => act.remove(column.id) }, "Remove"),
    ));
}

const short = (name) => escaped(name.length <= LONGEST_LABEL ? name : `${name.slice(0, LONGEST_LABEL - 1)}…`);

const names = (columns) => ({
  tickmode: "array", tickvals: columns.map((_, place) => place), ticktext: columns.map((column) => short(column.name)),
  range: [columns.length - 0.5, -0.5], showgrid: false, tickfont: { size: 12, color: INK }, automargin: true, fixedrange: true, ticks: "", zeroline: false,
});

function drawGains(columns, desk) {
  const plot = find("gains");
  const shown = columns.slice(1);
  plot.style.height = `${70 + ROW_PX * shown.length}px`;
  const alt = shown.map(({ name, found }) => `${name}: ${signed(number(found.gain.mean))} (${signedSpan(found.gain)})`).join("; ");
  draw(plot, () => ({ traces: [gains(shown)], layout: gainLayout(shown, desk) }), `${desk.kpi} gained against now. ${alt}`);
}

function gains(shown) {
  const mean = shown.map(({ found }) => found.gain.mean);
  const known = shown.every(({ found }) => found.gain.lower !== null);
  return {
    type: "scatter", mode: "markers", x: mean, y: shown.map((_, place) => place),
    marker: { size: 11, color: shown.map((column) => (column.id === "plan" ? "#0b5c8f" : NOW)) },
    error_x: {
      type: "data", symmetric: false, visible: known, thickness: 2, width: 6, color: INK,
      array: shown.map(({ found }) => found.gain.upper - found.gain.mean),
      arrayminus: shown.map(({ found }) => found.gain.mean - found.gain.lower),
    },
    hoverinfo: "text",
    hovertext: shown.map(({ name, found }) => `<b>${escaped(name)}</b><br>${signed(number(found.gain.mean))} (${signedSpan(found.gain)})`),
  };
}

const gainLayout = (shown, desk) => ({
  margin: { l: 20, r: 16, t: 10, b: 44 },
  xaxis: axis(desk.kpi, { zeroline: true, zerolinecolor: INK, zerolinewidth: 1.2 }),
  yaxis: names(shown),
});

function drawMix(columns, desk) {
  const plot = find("mix");
  plot.style.height = `${70 + ROW_PX * columns.length}px`;
  const priced = desk.channels.filter((channel) => channel.inBudget);
  const traces = priced.map((channel) => {
    const rows = columns.map(({ found }) => found.channels.find((row) => row.channel === channel.name));
    return {
      type: "bar", orientation: "h", y: columns.map((_, place) => place), x: rows.map((row) => row.spend), width: 0.56,
      marker: { color: fade(channel.colour, 0.9), line: { width: 1, color: "#ffffff" } }, name: escaped(subject(channel.name)),
      hoverinfo: "text",
      hovertext: rows.map((row, place) => `<b>${escaped(subject(channel.name))}</b>, ${escaped(columns[place].name)}<br>${amount(row.spend, channel.unit)}`),
    };
  });
  const layout = { barmode: "stack", margin: { l: 20, r: 16, t: 10, b: 44 }, xaxis: axis(desk.currency), yaxis: names(columns) };
  draw(plot, () => ({ traces, layout }), "Spend by channel of every scenario; the numbers are in the table above.");
}
