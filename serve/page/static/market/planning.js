// One market that is being planned: its plan in work, the service's answers about it, and what the user does to it.

import * as api from "../base/api.js";
import { channelColours } from "../base/colours.js";
import { debounce, oneAtATime } from "../base/dom.js";
import { day, label } from "../base/format.js";
import * as plans from "./plan.js";

const PAUSE_MS = 40;
const DAYS = { 1: "day", 7: "week", 14: "fortnight" };
const DAY_MS = 86_400_000;

export class Planning {
  /**
   * @param entry Brand, market and version, as the service lists them.
   * @param wanted A plan out of an address, or null.
   * @param hooks `show()` after anything changed, `rebuild()` when the channels did, `newer()` when another model answers.
   */
  constructor(entry, wanted, hooks) {
    Object.assign(this, { entry, hooks, brand: entry.brand, market: entry.market, version: versionOf(entry) });
    this.plan = { ...plans.freshPlan(), ...wanted };
    this.info = entry;
    this.answer = this.curves = this.outcome = this.ends = null;
    this.busy = this.quiet = false;
    this.evaluate = oneAtATime(() => this.guarded(() => this.ask()));
    this.trace = oneAtATime(() => this.guarded(() => this.askCurves()));
    this.soon = debounce(() => this.evaluate(), PAUSE_MS);
  }

  show() { if (!this.quiet) this.hooks.show(); }

  get kpi() { return label(this.info.kpi ?? "kpi"); }

  /** Load what is known of the market and answer the plan. */
  async open() {
    const [info, found] = await Promise.all([
      api.model(this.brand, this.market),
      api.scenario(this.brand, this.market, plans.nowRequest(this.plan.horizon)),
    ]);
    this.info = { ...this.entry, ...info };
    this.version = versionOf(this.info) ?? this.version;
    this.take(found);
    await this.answerAll();
  }

  /** Ask about plan and curves, and show only once both are there. */
  async answerAll() {
    this.quiet = true;
    try {
      await Promise.all([this.ask(), this.askCurves()]);
    } finally {
      this.quiet = false;
    }
    this.hooks.rebuild();
    this.show();
  }

  /** Begin from what is spent now; with channels `before`, each keeps its change against now. */
  take(found, before = null, ratio = 1) {
    const colours = channelColours(found.status_quo.channels.map((row) => row.channel));
    this.currency = found.currency;
    this.starting = found.dates[0];
    this.period = periodOf(this.info.period, found.dates) ?? this.period ?? "period";
    this.channels = plans.channelsOf(found.status_quo, found.currency, colours);
    if (!before) this.strangers = Object.keys(this.plan.amounts).filter((name) => !(name in colours));
    const moved = (amounts) => (before
      ? plans.carriedOver(amounts, before, this.channels, ratio)
      : Object.fromEntries(this.channels.map(({ name, current }) => [name, settled(amounts[name], current)])));
    this.plan.amounts = moved(this.plan.amounts);
    this.plan.saved = this.plan.saved.map((one) => ({ ...one, amounts: moved(one.amounts) }));
  }

  async ask() {
    const found = await api.scenario(this.brand, this.market, plans.scenarioRequest(this.plan));
    const saved = Object.fromEntries(found.plans.map((one) => [one.name, one]));
    this.answer = { ...found, plan: saved.plan, saved };
    this.heed(found);
    this.show();
    if (this.ends && this.channels.some((channel) => plans.sliderEnd(this.plan, channel) > 1.0001 * this.ends[channel.name])) {
      this.trace();
    }
  }

  async askCurves() {
    this.ends = Object.fromEntries(this.channels.map((channel) => [channel.name, plans.sliderEnd(this.plan, channel)]));
    const found = await api.scenario(this.brand, this.market, plans.curveRequest(this.plan, this.channels, this.ends));
    this.curves = found.plans;
    this.show();
  }

  /** Tell if another version of the model has answered than the one the page was opened with. */
  heed(found) {
    const version = versionOf(found.model);
    if (version && this.version && version !== this.version) this.hooks.newer(version);
  }

  async guarded(run) {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      this.outcome = { error };
      this.show();
    }
  }

  /** Note a change of the plan: show it at once, its answer a moment later. */
  changed() {
    this.outcome = null;
    this.show();
    this.soon();
  }

  setAmount(name, value) {
    this.plan.amounts = { ...this.plan.amounts, [name]: value };
    this.changed();
  }

  setTotal(value) {
    this.plan.amounts = plans.scaledTo(this.plan, this.channels, value);
    this.changed();
  }

  setLimit(name, side, value) {
    const own = { ...this.plan.limits[name], [side]: value };
    const crossed = own.least != null && own.most != null && own.least > own.most;
    if (crossed) own[side === "least" ? "most" : "least"] = value;
    this.plan.limits = { ...this.plan.limits, [name]: own };
    this.changed();
  }

  setHold(name, hold) {
    this.plan.limits = { ...this.plan.limits, [name]: { ...this.plan.limits[name], hold } };
    this.changed();
  }

  setSwing(swing) {
    this.plan.swing = swing;
    this.changed();
  }

  openLimits() {
    Object.assign(this.plan, { swing: null, limits: {} });
    this.changed();
  }

  setGoal(goal) {
    const { total_roi: roi, kpi } = this.answer?.status_quo ?? {};
    const targets = { target_roi: Number((roi?.mean ?? 1).toPrecision(2)), kpi_target: Number(((kpi?.mean ?? 1) * 1.02).toPrecision(3)) };
    Object.assign(this.plan, { goal, target: targets[goal] ?? null, capped: goal === "profit" });
    this.changed();
  }

  setTarget(target) {
    this.plan.target = target;
    this.changed();
  }

  setCapped(capped) {
    this.plan.capped = capped;
    this.changed();
  }

  /** Plan other periods: every channel keeps its change against now. */
  setHorizon(horizon) {
    return this.guarded(async () => {
      const ratio = horizon / this.plan.horizon;
      const found = await api.scenario(this.brand, this.market, plans.nowRequest(horizon));
      this.plan.horizon = horizon;
      this.plan.limits = plans.carriedLimits(this.plan.limits, ratio);
      this.outcome = null;
      this.take(found, this.channels, ratio);
      await this.answerAll();
    });
  }

  reset() {
    this.plan.amounts = Object.fromEntries(this.channels.map(({ name, current }) => [name, current]));
    this.changed();
  }

  /** Ask for the best plan within the limits and put it on the sliders. */
  async optimize() {
    this.busy = true;
    this.outcome = null;
    this.show();
    await this.guarded(async () => {
      const found = await this.best();
      this.outcome = found;
      if (found.status !== "infeasible") {
        this.plan.amounts = { ...this.plan.amounts, ...found.spend };
        await this.ask();
      }
    });
    this.busy = false;
    this.show();
  }

  /** The service's answer; one that says which limits clash is an answer too. */
  async best() {
    try {
      return await api.optimize(this.brand, this.market, plans.budgetRequest(this.plan, this.channels));
    } catch (error) {
      if (!error.clashes?.length) throw error;
      return { status: "infeasible", message: error.message, clashes: error.clashes };
    }
  }

  /** Keep the plan in work under a name. */
  add(name) {
    const saved = this.plan.saved;
    const one = { id: plans.freeId(saved), name: name ? plans.freeName(saved, name) : this.nextName(), amounts: { ...this.plan.amounts } };
    this.plan.saved = [...saved, one];
    this.show();
    return this.evaluate();
  }

  nextName() {
    return plans.freeName(this.plan.saved, this.outcome?.status ? "Optimised" : "Scenario", 1);
  }

  rename(id, name) {
    const others = this.plan.saved.filter((one) => one.id !== id);
    const given = name.trim() && plans.freeName(others, name.trim());
    this.plan.saved = this.plan.saved.map((one) => (one.id === id && given ? { ...one, name: given } : one));
    this.show();
  }

  remove(id) {
    this.plan.saved = this.plan.saved.filter((one) => one.id !== id);
    this.show();
  }

  load(id) {
    this.plan.amounts = { ...this.plan.saved.find((one) => one.id === id).amounts };
    this.changed();
  }

  rowOf(name) { return this.answer?.plan.channels.find((row) => row.channel === name); }

  /** The plan in work spends what is spent now. */
  isCurrent() {
    return this.channels.every(({ name, current }) => Math.abs(this.plan.amounts[name] - current) <= 0.011 + 1e-6 * current);
  }

  /** Nothing was touched since the market was opened. */
  isFresh() {
    const { saved, limits, horizon, goal, swing } = this.plan;
    return this.isCurrent() && !saved.length && !Object.keys(limits).length && horizon === plans.HORIZON && goal === "kpi" && swing === 0.5;
  }

  /** Date from which the plan runs. */
  starts() { return day(this.starting); }
}

/** An amount out of an address, which has nine digits of it: what differs by less is what is spent now. */
const settled = (value, current) => (value === undefined || Math.abs(value - current) <= 1e-7 * current ? current : value);

const versionOf = (found) => (found?.version === undefined || found.version === null ? null : String(found.version));

function periodOf(named, dates) {
  if (typeof named === "string") return named;
  if (dates.length < 2) return null;
  const days = Math.round((Date.parse(dates[1]) - Date.parse(dates[0])) / DAY_MS);
  return DAYS[days] ?? (days >= 28 && days <= 31 ? "month" : days >= 89 && days <= 92 ? "quarter" : "period");
}
