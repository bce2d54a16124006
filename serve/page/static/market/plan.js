// A market's plan in work: amounts, limits and goal, and the requests that they make. No elements, no network.

import { scaled, sumOf, weightsOf } from "./spread.js";

export const GOALS = {
  kpi: "Most KPI for this budget",
  profit: "Most profit",
  target_roi: "Most KPI at a return of at least",
  kpi_target: "Least spend that reaches a KPI of",
};
/** Measures of risk that are no plain quantile: what the page calls them, and what a request asks. */
export const MEASURES = {
  "cvar": { text: "the average of the worst tenth of cases", asked: { cvar: 0.1 } },
  "cvar25": { text: "the average of the worst quarter of cases", asked: { cvar: 0.25 } },
  "mean_sd": { text: "its average less one standard deviation", asked: { mean_sd: 1 } },
  "mean_2sd": { text: "its average less two standard deviations", asked: { mean_sd: 2 } },
  "regret": { text: "the largest regret", asked: { regret: "max" } },
};
/** Goals that spend a stated total, so that plans from cautious to bold and additional money make sense. */
const SPENDING = ["kpi", "profit"];
export const HORIZON = 13;
/** Scenarios that are kept: as many as fit an address and a screen. */
export const MOST_SAVED = 20;
const GRID = 17;
/** The grid of the curves is denser where spend is low: its points lie at the 1.5th power. */
const BEND = 1.5;

const DAYS = { 1: "day", 7: "week", 14: "fortnight" };
const DAY_MS = 86_400_000;

/** A plan in work at the start: what was spent in the last periods, with a change of half allowed. */
export function freshPlan() {
  return {
    horizon: HORIZON, goal: "kpi", target: null, capped: true, swing: 0.5, amounts: {}, limits: {}, saved: [],
    effects: "direct", risk: "mean", byRegion: false, groups: [], spread: {}, controls: {},
    mode: "whole", chance: null, frontier: null, prices: {}, frequency: {}, treatmentCosts: {},
  };
}

/** Channels of a market out of the answer about repeating the last periods, and what is known of them. */
export function channelsOf(statusQuo, currency, colours, known = [], treatments = []) {
  const fallback = 0.1 * statusQuo.budget || 1;
  const details = Object.fromEntries(known.map((one) => [one.name, one]));
  return statusQuo.channels.map((row) => ({
    name: row.channel,
    unit: row.unit,
    kind: details[row.channel]?.kind ?? (treatments.some((one) => one.name === row.channel) ? "treatment" : "channel"),
    hasPrice: details[row.channel]?.has_price ?? false,
    elasticity: details[row.channel]?.elasticity ?? null,
    frequency: details[row.channel]?.frequency ?? null,
    test: details[row.channel]?.test ?? null,
    inBudget: row.unit === currency,
    current: row.spend,
    supported: row.supported_max,
    room: Math.max(2 * row.spend, 1.2 * row.supported_max) || fallback,
    colour: colours[row.channel],
  }));
}

/** Organic media and mediators: held in budgets, free in scenarios. */
export const isBought = (channel) => channel.kind === "channel" || channel.kind === "treatment";

/** Treatments that have a cost: lines of a plan by their total, which the service spreads. */
export const isTreatment = (channel) => channel.kind === "treatment";

/** Sum of amounts over the channels that the budget covers. */
export function total(channels, amountOf) {
  return channels.reduce((sum, channel) => sum + (channel.inBudget ? amountOf(channel) : 0), 0);
}

export const planTotal = (plan, channels) => total(channels, (channel) => plan.amounts[channel.name]);
export const currentTotal = (channels) => total(channels, (channel) => channel.current);

/** Least and largest amount that the limits allow a channel; Infinity where it is open. */
export function limitsOf(plan, channel) {
  const own = plan.limits[channel.name] ?? {};
  if (own.hold || !isBought(channel)) return [plan.amounts[channel.name], plan.amounts[channel.name]];
  const swing = plan.swing;
  const floor = plan.mode === "increment" ? channel.current : 0;
  const least = swing === null ? floor : Math.max(floor, (1 - swing) * channel.current);
  const most = swing === null ? Infinity : (1 + swing) * channel.current;
  return [own.least ?? (own.most != null ? Math.min(least, own.most) : least), own.most ?? Math.max(most, own.least ?? 0)];
}

/** Least and largest total that the limits allow. */
export function reachable(plan, channels) {
  return [0, 1].map((side) => total(channels, (channel) => limitsOf(plan, channel)[side]));
}

/** End of a channel's slider: room beyond what it ever had, whatever is planned included. */
export function sliderEnd(plan, channel) {
  const [, most] = limitsOf(plan, channel);
  return Math.max(channel.room, plan.amounts[channel.name], Number.isFinite(most) ? Math.min(most, 2 * channel.room) : 0);
}

/** Amounts that add up to `wanted`, each channel that is not held changed in proportion. */
export function scaledTo(plan, channels, wanted) {
  const free = channels.filter((channel) => channel.inBudget && !plan.limits[channel.name]?.hold);
  const held = planTotal(plan, channels) - total(free, (channel) => plan.amounts[channel.name]);
  const left = Math.max(0, wanted - held);
  const planned = total(free, (channel) => plan.amounts[channel.name]);
  const weight = planned > 0 ? (channel) => plan.amounts[channel.name] : (channel) => channel.current || 1;
  const sum = total(free, weight);
  const amounts = { ...plan.amounts };
  for (const channel of free) amounts[channel.name] = (left * weight(channel)) / sum;
  return amounts;
}

/** Amounts for another horizon: the same change against now for every channel. */
export function carriedOver(amounts, before, after, ratio) {
  const old = Object.fromEntries(before.map((channel) => [channel.name, channel]));
  return Object.fromEntries(after.map((channel) => {
    const was = old[channel.name];
    const value = amounts[channel.name];
    if (value === undefined || !was) return [channel.name, channel.current];
    return [channel.name, was.current > 0 ? (value / was.current) * channel.current : value * ratio];
  }));
}

/** A limit, or a group, with its least and most in proportion; a group's shares stay as they are. */
function inProportion(own, ratio) {
  const times = (value) => (value == null ? value : value * ratio);
  return { ...own, least: times(own.least), most: times(own.most) };
}

/** Limits for another horizon. */
export const carriedLimits = (limits, ratio) =>
  Object.fromEntries(Object.entries(limits).map(([name, own]) => [name, inProportion(own, ratio)]));

/** Groups for another horizon. */
export const carriedGroups = (groups, ratio) => groups.map((group) => inProportion(group, ratio));

/** Cents are enough for a budget and its limits. */
export const cents = (value) => Math.round(value * 100) / 100;

/** A plan in the form the service takes: amounts by channel, and how often people are reached. */
function planOf({ amounts, spread = {}, frequency = {} }) {
  const spend = Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, spread[name] ?? amount]));
  return Object.keys(frequency).length ? { spend, frequency } : { spend };
}

/** What every request says of the periods ahead. */
function terms(plan, horizon = plan.horizon) {
  const said = { horizon };
  if (plan.effects !== "direct") said.effects = plan.effects;
  if (Object.keys(plan.controls).length) said.controls = plan.controls;
  if (Object.keys(plan.prices).length) said.prices = plan.prices;
  if (Object.keys(plan.treatmentCosts).length) said.treatment_costs = plan.treatmentCosts;
  return said;
}

/** The request about the plan in work and every saved one. */
export function scenarioRequest(plan) {
  const plans = { plan: planOf(plan) };
  for (const one of plan.saved) plans[one.id] = planOf(one);
  return { ...terms(plan), plans };
}

/** The request about a plan alone, as it is committed. */
export const ownRequest = (plan) => ({ ...terms(plan), plans: { plan: planOf(plan) } });

/** The request about what is spent now, over a horizon. */
export const nowRequest = (plan, horizon) =>
  ({ ...terms({ ...plan, controls: {} }, horizon), plans: { plan: { spend: {}, others: "current" } } });

/**
 * The request whose plans are points on every channel's curve at once, with the plan in work among them: direct
 * effects do not mix.
 */
export function curveRequest(plan, channels, ends) {
  const plans = { plan: planOf(plan) };
  for (let point = 0; point < GRID; point += 1) {
    const share = (point / (GRID - 1)) ** BEND;
    plans[`p${point}`] = {
      ...plans.plan, spend: Object.fromEntries(channels.map(({ name }) => {
        const amount = cents(share * ends[name]);
        return [name, (plan.spread[name] && scaled(plan.spread[name], amount)) ?? amount];
      })),
    };
  }
  return { ...terms({ ...plan, effects: "direct" }), plans };
}

/** Spread of a plan whose amounts changed: every channel keeps its shape. */
export function reshaped(spread, amounts) {
  const kept = Object.entries(spread).map(([name, form]) =>
    [name, Math.abs(sumOf(form) - amounts[name]) <= 1e-9 * amounts[name] ? form : scaled(form, amounts[name])]);
  return Object.fromEntries(kept.filter(([, form]) => form));
}

/** The budget request that the page's fields make. */
export function budgetRequest(plan, channels) {
  const request = { ...terms(plan), objective: plan.goal };
  const targeted = plan.goal === "target_roi" || plan.goal === "kpi_target";
  const spending = SPENDING.includes(plan.goal);
  if (targeted) request.target = plan.target;
  if (plan.goal === "kpi" || plan.capped) request.budget = cents(planTotal(plan, channels));
  if (spending && plan.mode === "increment") {
    request.mode = plan.mode;
    request.budget = cents(planTotal(plan, channels) - currentTotal(channels));
  }
  const isSure = plan.goal === "kpi_target" && plan.chance !== null;
  if (isSure) request.chance = plan.chance;
  if (spending && plan.frontier !== null) request.frontier = plan.frontier;
  if (Object.keys(plan.frequency).length) request.frequency = plan.frequency;
  if (plan.swing !== null) request.default_bounds = { min_change: -Math.min(plan.swing, 1), max_change: plan.swing };
  if (plan.risk !== "mean" && !isSure) request.risk = MEASURES[plan.risk]?.asked ?? plan.risk;
  if (plan.byRegion) request.by_region = true;
  const bounds = {};
  const fixed = {};
  const flighting = {};
  for (const channel of channels) {
    const own = plan.limits[channel.name] ?? {};
    if (!isBought(channel)) {
      if (plan.amounts[channel.name] !== channel.current) fixed[channel.name] = cents(plan.amounts[channel.name]);
    } else if (own.hold) fixed[channel.name] = cents(plan.amounts[channel.name]);
    else if (own.least != null || own.most != null) bounds[channel.name] = ownBounds(plan, channel, own);
    const weights = weightsOf(plan.spread[channel.name]);
    if (weights) flighting[channel.name] = weights;
  }
  const groups = plan.groups.map(groupOf).filter(Boolean);
  const parts = { bounds, fixed, flighting };
  for (const [name, part] of Object.entries(parts)) if (Object.keys(part).length) request[name] = part;
  if (groups.length) request.groups = groups;
  return request;
}

/** A group as a request has it; null while it limits nothing. */
function groupOf({ channels, least, most, leastShare, mostShare }) {
  const limits = { min: least, max: most, min_share: leastShare, max_share: mostShare };
  const set = Object.entries(limits).filter(([, value]) => value !== null && value !== undefined);
  return channels.length && set.length ? { channels, ...Object.fromEntries(set) } : null;
}

/** A channel's own bounds; the side it leaves out keeps the default, which its bounds would replace. */
function ownBounds(plan, channel, own) {
  const [least, most] = limitsOf(plan, channel);
  const bounds = {};
  if (own.least != null || least > 0) bounds.min = cents(least);
  if (own.most != null || Number.isFinite(most)) bounds.max = cents(most);
  return bounds;
}

/** A request's identity: an answer to another one is no answer to what is asked now. */
export const identityOf = (request) => JSON.stringify(request);

/** A name that no saved plan has: the wanted one, or with the first free number. */
export function freeName(saved, wanted, first = null) {
  const taken = new Set(saved.map((one) => one.name));
  let name = first === null ? wanted : `${wanted} ${first}`;
  for (let place = (first ?? 1) + 1; taken.has(name); place += 1) name = `${wanted} ${place}`;
  return name;
}

/** Id for the next saved plan. */
export function freeId(saved) {
  return `s${1 + Math.max(0, ...saved.map((one) => Number(one.id.slice(1))))}`;
}

/** What a period is called: as the model names it, else by how far dates lie apart; null where nothing tells. */
export function periodOf(named, dates) {
  if (typeof named === "string") return named;
  if (dates.length < 2) return null;
  const days = Math.round((Date.parse(dates[1]) - Date.parse(dates[0])) / DAY_MS);
  return DAYS[days] ?? (days >= 28 && days <= 31 ? "month" : days >= 89 && days <= 92 ? "quarter" : "period");
}
