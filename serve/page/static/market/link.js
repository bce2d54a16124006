// The page's state in its address, after the #: it never reaches the server, and whoever opens it sees the same.
// What comes out of an address was written by anybody, so it is checked field by field.

import { GOALS, HORIZON, MOST_SAVED } from "./plan.js";

const MOST_CHANNELS = 200;
const LONGEST_NAME = 60;
const LARGEST = 1e13;

const amountIn = (value) => (typeof value === "number" && value >= 0 && value <= LARGEST ? value : null);

/** Fragment of an address for a market and its plan. */
export function toFragment(view) {
  const { brand, market, version, plan, tab } = view;
  const fields = new URLSearchParams({ brand, market });
  if (tab && tab !== "market") fields.set("tab", tab);
  if (plan) fields.set("plan", packed(compact(plan, version)));
  return fields.toString();
}

function compact(plan, version) {
  return {
    v: version, h: plan.horizon, g: plan.goal, t: plan.target, c: plan.capped, w: plan.swing,
    a: shortened(plan.amounts),
    l: Object.entries(plan.limits).map(([name, own]) => [name, own.least ?? null, own.most ?? null, own.hold ? 1 : 0]),
    s: plan.saved.map((one) => [one.name, shortened(one.amounts)]),
  };
}

const shortened = (amounts) =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, Number(value.toPrecision(9))]));

/** What an address asks for; null fields where it says nothing usable. */
export function fromFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const text = fields.get("plan");
  return {
    brand: fields.get("brand"),
    market: fields.get("market"),
    tab: fields.get("tab") === "portfolio" ? "portfolio" : "market",
    ...(text ? read(text) : { plan: null, version: null, broken: false }),
  };
}

function read(text) {
  try {
    const found = JSON.parse(unpacked(text));
    return { plan: checked(found), version: typeof found.v === "string" ? found.v : null, broken: false };
  } catch {
    return { plan: null, version: null, broken: true };
  }
}

function checked(found) {
  return {
    horizon: Number.isInteger(found.h) && found.h >= 1 && found.h <= 520 ? found.h : HORIZON,
    goal: Object.hasOwn(GOALS, found.g) ? found.g : "kpi",
    target: amountIn(found.t),
    capped: found.c !== false,
    swing: found.w === null ? null : Math.min(amountIn(found.w) ?? 0.5, 10),
    amounts: amountsIn(found.a),
    limits: limitsIn(found.l),
    saved: (Array.isArray(found.s) ? found.s : []).slice(0, MOST_SAVED).map(([name, amounts], place) => ({
      id: `s${place + 1}`, name: String(name).slice(0, LONGEST_NAME), amounts: amountsIn(amounts),
    })),
  };
}

function amountsIn(found) {
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS);
  return Object.fromEntries(entries.filter(([, value]) => amountIn(value) !== null));
}

function limitsIn(found) {
  const rows = (Array.isArray(found) ? found : []).slice(0, MOST_CHANNELS).filter(Array.isArray);
  return Object.fromEntries(
    rows.map(([name, least, most, hold]) => [String(name), { least: amountIn(least), most: amountIn(most), hold: hold === 1 }]),
  );
}

/** Text in the letters that an address may hold. */
function packed(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function unpacked(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
}
