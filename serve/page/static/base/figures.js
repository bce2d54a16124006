// Plotly in the house style: waits for the library, draws what is in sight, redraws what changed.

import { GRID, INK, SOFT } from "./colours.js";

const FONT = "Inter, 'Segoe UI', system-ui, -apple-system, Roboto, 'Helvetica Neue', Arial, sans-serif";
const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false };
const MARGIN_IN_SIGHT = "150px";

let arriving = null;

/** Plotly; its file is on its way from the start, but runs once a chart needs it: numbers come first. */
function plotly() {
  arriving ??= new Promise((ready, failed) => {
    const script = document.createElement("script");
    script.src = document.getElementById("plotly").href;
    script.addEventListener("load", () => ready(window.Plotly));
    script.addEventListener("error", () => failed(new Error("The charts cannot be drawn: plotly.min.js did not arrive.")));
    document.head.append(script);
  });
  return arriving;
}

/** Have the charts' library run as soon as the page has nothing better to do. */
export const warmUp = () => (window.requestIdleCallback ?? setTimeout)(() => plotly().catch(() => {}));

const makers = new WeakMap();
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

/** Draw a figure into an element when it is in sight; `make` gives traces and layout then. */
export function draw(element, make, alt) {
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
  sight.unobserve(element);
  sizes.unobserve(element);
  if (window.Plotly && element.dataset.drawn) window.Plotly.purge(element);
}

async function render(element) {
  const library = await plotly().catch((error) => { element.textContent = error.message; });
  const { clientWidth: width, clientHeight: height } = element;
  if (!library || !waiting.has(element) || !width || !height) return;
  waiting.delete(element);
  const { traces, layout } = makers.get(element)();
  element.dataset.size = sizeOf(element);
  await library.react(element, traces, { ...base(), ...layout, width, height }, CONFIG);
  element.dataset.drawn = String(1 + Number(element.dataset.drawn ?? 0));
}

const base = () => ({
  font: { family: FONT, size: 12, color: INK },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  hoverlabel: { bgcolor: "#ffffff", bordercolor: "#c9d0d8", font: { size: 12, color: INK }, align: "left" },
  hovermode: "closest",
  dragmode: false,
  showlegend: false,
});

/** An axis with its unit in the title. */
export function axis(title, more = {}) {
  return {
    title: { text: escaped(title), font: { size: 11.5, color: SOFT }, standoff: 6 },
    gridcolor: GRID, zeroline: false, fixedrange: true, automargin: true, ticks: "", nticks: 5,
    tickfont: { size: 11.5, color: SOFT }, tickformat: "~s", ...more,
  };
}

/** Text without Plotly's markup. */
export const escaped = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
