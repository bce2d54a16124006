// Colours of the report, for readers with colour-blindness too (Okabe & Ito 2008, Paul Tol's muted scheme).

export const INK = "#1d2733";
export const SOFT = "#5b6775";
export const GRID = "#e8ebef";
export const ACCENT = "#0b5c8f";
export const NOW = "#5b6775";
export const PAPER = "#ffffff";
const WARM = "#c8452d";

/** What each colour becomes on a dark page; the report's are the same. */
const DARK = {
  [INK]: "#e6ebf1", [SOFT]: "#a9b4c0", [GRID]: "#2b3542", [ACCENT]: "#5aa9dd", [PAPER]: "#18202a", "#c9d0d8": "#4a5664", [WARM]: "#f0765c",
  "#0072b2": "#3d86f0", "#332288": "#9a8cf0", "#882255": "#f0588c", "#117733": "#55b878", "#7a3b10": "#c98d5e",
};

export const darkness = matchMedia("(prefers-color-scheme: dark)");
let onPaper = false;

/** Paper is white whatever the screen is. */
export function toPaper(printing) {
  onPaper = printing;
}

/** A colour as the page is now: light, dark, or on paper. */
export const tone = (colour) => (darkness.matches && !onPaper ? DARK[colour.toLowerCase()] ?? colour : colour);

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
  const shown = tone(colour);
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(shown.slice(start, start + 2), 16));
  return `rgba(${red},${green},${blue},${alpha})`;
}

/** Ground of what was never tried. */
export const beyond = () => fade(WARM, 0.1);
