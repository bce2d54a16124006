// Colours of the report, for readers with colour-blindness too (Okabe & Ito 2008, Paul Tol's muted scheme).

export const INK = "#1d2733";
export const SOFT = "#5b6775";
export const GRID = "#e8ebef";
export const ACCENT = "#0b5c8f";
export const NOW = "#5b6775";
export const BEYOND = "rgba(200,69,45,0.08)";

export const PALETTE = [
  "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#332288", "#999933",
  "#882255", "#44AA99", "#C9A227", "#117733", "#AA4499", "#6699CC", "#7A3B10", "#8A8D91",
];

/** Colour of every channel: by its place among the sorted names, as on every page of the product. */
export function channelColours(names) {
  const sorted = [...new Set(names)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(sorted.map((name, place) => [name, PALETTE[place % PALETTE.length]]));
}

/** A hex colour with opacity. */
export function fade(colour, alpha) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return `rgba(${red},${green},${blue},${alpha})`;
}
