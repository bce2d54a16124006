// Plotly in the house style: waits for the library, draws what is in sight, redraws what changed.

import { GRID, INK, PAPER, SOFT, darkness, toPaper, tone } from "./colours.js";
import { number } from "./format.js";

const FONT = "Inter, 'Segoe UI', system-ui, -apple-system, Roboto, 'Helvetica Neue', Arial, sans-serif";
const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false };
const TICKS = 5;
const MARGIN_IN_SIGHT = "150px";

const PAPER_PX = 690;  // of a sheet of A4 within its margins; a wider chart would be cut

let arriving = null;
let onPaper = false;

/** Plotly's bundle of flat charts, fetched once the numbers are there. */
function plotly() {
  arriving ??= new Promise((ready, failed) => {
    const script = document.createElement("script");
    script.src = "page/plotly-cartesian.min.js";
    script.addEventListener("load", () => ready(window.Plotly));
    script.addEventListener("error", () => failed(new Error("The charts cannot be drawn: the chart library did not arrive.")));
    document.head.append(script);
  });
  return arriving;
}

/** Have the charts' library run as soon as the page has nothing better to do; a chart tells if it did not come. */
export const warmUp = () => (window.requestIdleCallback ?? setTimeout)(() => plotly().catch(() => {}));

const makers = new Map();
const picks = new WeakMap();
const waiting = new Set();
const inSight = new WeakSet();

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inSight.add(target);
    else inSight.delete(target);
    if (isIntersecting && waiting.has(target)) render(target);
  }
}, { rootMargin: MARGIN_IN_SIGHT });

/** Plotly keeps the size of a chart's first drawing, so a box that changes is drawn anew. */
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.dataset.drawn && target.dataset.size !== sizeOf(target)) wait(target);
  }
});

const sizeOf = (element) => `${element.clientWidth} x ${element.clientHeight}`;

/** Draw a figure into an element when it is in sight; `make` gives traces and layout then. `pick` gets a point clicked. */
export function draw(element, make, alt, pick = null) {
  picks.set(element, pick);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", alt);
  makers.set(element, make);
  sight.observe(element);
  sizes.observe(element);
  wait(element);
}

function wait(element) {
  waiting.add(element);
  if (inSight.has(element)) render(element);
}

/** Forget an element that leaves the page. */
export function drop(element) {
  waiting.delete(element);
  makers.delete(element);
  sight.unobserve(element);
  sizes.unobserve(element);
  if (window.Plotly && element.dataset.drawn) window.Plotly.purge(element);
}

async function render(element) {
  const library = await plotly().catch((error) => { element.textContent = error.message; });
  if (library && waiting.has(element)) await put(library, element);
}

/** Draw in the colours of now; nothing where there is no room. */
function put(library, element) {
  const { clientWidth, clientHeight: height } = element;
  const width = onPaper ? Math.min(clientWidth, PAPER_PX) : clientWidth;
  if (!width || !height) return null;
  waiting.delete(element);
  const { traces, layout } = toned(numbered(makers.get(element)()));
  element.dataset.size = sizeOf(element);
  element.dataset.drawn = String(1 + Number(element.dataset.drawn ?? 0));
  const drawn = library.react(element, traces, { ...toned(base()), ...layout, width, height }, CONFIG);
  if (picks.get(element) && element.dataset.drawn === "1") element.on("plotly_click", ({ points }) => picks.get(element)?.(points[0].pointNumber));
  return drawn;
}

/** A figure whose colours are those of the page. */
const toned = (figure) => JSON.parse(JSON.stringify(figure).replace(/"#[0-9a-f]{6}"/gi, (colour) => JSON.stringify(tone(JSON.parse(colour)))));

/** A figure whose axes of amounts are written as numbers are everywhere else: "10 k", not "10k". */
function numbered({ traces, layout }) {
  const axes = Object.entries(layout).filter(([, own]) => own?.amounts).map(([name, { amounts: _, ...own }]) => {
    const values = own.range ?? reach(traces, name[0], layout.barmode === "stack", own.rangemode === "tozero");
    const tickvals = own.tickvals ?? ticks(Math.min(...values), Math.max(...values));
    return [name, { ...own, tickmode: "array", tickvals, ticktext: own.ticktext ?? tickvals.map((value) => number(value, 3)) }];
  });
  return { traces, layout: { ...layout, ...Object.fromEntries(axes) } };
}

/** Amounts that an axis has to show: ends of whiskers, where bars begin, and sums where they stand on each other. */
function reach(traces, letter, isStacked, fromZero) {
  const values = traces.map((trace) => trace[letter] ?? []);
  const whiskers = traces.map((trace) => trace[`error_${letter}`]).map((error, place) => (error?.visible === false || !error ? [] : values[place].flatMap((value, at) => [value + error.array[at], value - error.arrayminus[at]])));
  const sums = isStacked ? (values[0] ?? []).map((_, at) => values.reduce((sum, own) => sum + (own[at] ?? 0), 0)) : [];
  const zero = fromZero || traces.some((trace) => trace.type === "bar") ? [0] : [];
  return [...zero, ...values.flat(), ...whiskers.flat(), ...sums].filter(Number.isFinite);
}

/** Round amounts from one end to the other and a step beyond, some five within. */
function ticks(least, most) {
  const raw = (most - least || 1) / TICKS;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * [1, 2, 5, 10].find((one) => one * size >= raw * (1 - 1e-9));
  const first = Math.floor(least / step) - 1;
  return Array.from({ length: Math.ceil(most / step) + 2 - first }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

const present = () => [...makers.keys()].filter((element) => element.isConnected);
const redraw = () => { if (window.Plotly) present().forEach((element) => put(window.Plotly, element)); };

/** Have every chart drawn, in sight or not. */
export async function drawAll() {
  const library = await plotly();
  await Promise.all(present().filter((element) => waiting.has(element)).map((element) => put(library, element)));
}

darkness.addEventListener("change", redraw);
const paper = (on) => { onPaper = on; toPaper(on); redraw(); };
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

const base = () => ({
  font: { family: FONT, size: 12, color: INK },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  hoverlabel: { bgcolor: PAPER, bordercolor: "#c9d0d8", font: { size: 12, color: INK }, align: "left" },
  hovermode: "closest",
  dragmode: false,
  showlegend: false,
});

/** An axis of amounts with its unit in the title. */
export function axis(title, more = {}) {
  return {
    title: { text: escaped(title), font: { size: 11.5, color: SOFT }, standoff: 6 },
    gridcolor: GRID, zeroline: false, fixedrange: true, automargin: true, ticks: "", amounts: true,
    tickfont: { size: 11.5, color: SOFT }, ...more,
  };
}

/** Text without Plotly's markup. */
export const escaped = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A name as a label of an axis, cut to its longest. */
export const short = (name, longest) => escaped(name.length <= longest ? name : `${name.slice(0, longest - 1)}…`);
