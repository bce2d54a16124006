// The page's state in its address, after the #: it never reaches the server, and whoever opens it sees the same.
// What comes out of an address was written by anybody, so it is checked field by field.

import { GOALS, HORIZON, MEASURES, MOST_SAVED, freshPlan } from "./plan.js";

const MOST_CHANNELS = 200;
const LONGEST_NAME = 60;
const LARGEST = 1e13;
const MOST_GROUPS = 64;
const MOST_PERIODS = 520;

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
    s: plan.saved.map((one) => [one.name, shortened(one.amounts), one.spread ?? {}, one.frequency ?? {}]),
    ...changedParts(plan),
  };
}

/** Letters of the parts that most plans leave as they are. */
const PARTS = { e: "effects", r: "risk", b: "byRegion", q: "groups", p: "spread", k: "controls", m: "mode", n: "chance", f: "frontier", y: "prices", z: "frequency", x: "treatmentCosts" };

/** Those that this one does not. */
function changedParts(plan) {
  const fresh = freshPlan();
  const changed = Object.entries(PARTS).filter(([, name]) => JSON.stringify(plan[name]) !== JSON.stringify(fresh[name]));
  return Object.fromEntries(changed.map(([letter, name]) => [letter, plan[name]]));
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
    saved: listOf(found.s, MOST_SAVED).map(([name, amounts, spread, frequency], place) => ({
      id: `s${place + 1}`, name: String(name).slice(0, LONGEST_NAME), amounts: amountsIn(amounts), spread: spreadOf(spread, amounts),
      frequency: frequencyOf(frequency),
    })),
    effects: found.e === "total" ? "total" : "direct",
    risk: Object.hasOwn(MEASURES, found.r) || (typeof found.r === "number" && found.r > 0 && found.r <= 0.5) ? found.r : "mean",
    byRegion: found.b === true,
    groups: listOf(found.q, MOST_GROUPS).map(groupOf),
    spread: spreadOf(found.p, found.a),
    controls: controlsOf(found.k),
    mode: found.m === "increment" ? "increment" : "whole",
    chance: typeof found.n === "number" && found.n > 0 && found.n < 1 ? found.n : null,
    frontier: Number.isInteger(found.f) && found.f >= 2 && found.f <= 11 ? found.f : null,
    prices: pricesOf(found.y),
    frequency: frequencyOf(found.z),
    treatmentCosts: costsOf(found.x),
  };
}

const listOf = (found, most) => (Array.isArray(found) ? found : []).slice(0, most);

function groupOf(found) {
  const share = (value) => (amountIn(value) !== null && value <= 1 ? value : null);
  return {
    channels: listOf(found?.channels, MOST_CHANNELS).map(String), least: amountIn(found?.least), most: amountIn(found?.most),
    leastShare: share(found?.leastShare), mostShare: share(found?.mostShare),
  };
}

const arePeriods = (found) => Array.isArray(found) && found.length <= MOST_PERIODS && found.every((value) => amountIn(value) !== null);
const isForm = (found) => arePeriods(found) || (typeof found === "object" && found !== null && !Array.isArray(found)
  && Object.values(found).length > 0 && Object.values(found).every((own) => amountIn(own) !== null || arePeriods(own)));

/** Shapes of channels whose amounts are known and that add up to them. */
function spreadOf(found, amounts) {
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS);
  return Object.fromEntries(entries.filter(([name, form]) => isForm(form) && amountIn(amounts?.[name]) !== null));
}

function controlsOf(found) {
  const isValue = (value) => value === null || (typeof value === "number" && Number.isFinite(value));
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS);
  return Object.fromEntries(entries.filter(([, path]) => Array.isArray(path) && path.length <= MOST_PERIODS && path.every(isValue)));
}

/** Contacts per person by channel. */
function frequencyOf(found) {
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "number" && value >= 1 && value <= 1000));
}

/** Prices by channel: one that is none is for the service to explain, one of another shape is left out. */
function pricesOf(found) {
  const areTiers = (tiers) => Array.isArray(tiers) && tiers.length <= 20 && tiers.every((one) => typeof one?.price === "number");
  const isPrice = (one) => one?.source === "estimated" || typeof one?.elasticity === "number" || areTiers(one?.tiers);
  return Object.fromEntries(Object.entries(found ?? {}).slice(0, MOST_CHANNELS).filter(([, one]) => isPrice(one)));
}

/** What treatments cost, by name. */
function costsOf(found) {
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS).filter(([, one]) => amountIn(one?.cost) > 0);
  return Object.fromEntries(entries.map(([name, { cost, per }]) => [name, { cost, per: per === "period" ? per : "kpi" }]));
}

function amountsIn(found) {
  const entries = Object.entries(found ?? {}).slice(0, MOST_CHANNELS);
  return Object.fromEntries(entries.filter(([, value]) => amountIn(value) !== null));
}

function limitsIn(found) {
  const rows = listOf(found, MOST_CHANNELS).filter(Array.isArray);
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

/** A plan as its address holds it, and back; for those kept in this browser. */
export const kept = (plan, version) => packed(compact(plan, version));
export const keptPlan = (text) => read(text).plan;
