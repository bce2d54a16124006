// One market that is being planned: its plan in work, the service's answers about it, and what the user does to it.

import * as api from "../base/api.js";
import { channelColours } from "../base/colours.js";
import { debounce, oneAtATime } from "../base/dom.js";
import { calledBy, day, label } from "../base/format.js";
import * as plans from "./plan.js";
import { byRegion, sumOf, withPeriods, withRegions } from "./spread.js";

const PAUSE_MS = 40;

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
    this.answer = this.curves = this.outcome = this.ends = this.failure = this.regions = this.frontier = null;
    this.busy = false;
    this.wantedHorizon = this.plan.horizon;
    this.settling = Promise.resolve();
    this.evaluate = oneAtATime(() => this.guarded(() => this.ask()));
    this.trace = oneAtATime(() => this.guarded(() => this.askCurves()));
    this.soon = debounce(() => this.evaluate(), PAUSE_MS);
  }

  show() { this.hooks.show(); }

  get kpi() { return label(this.info.kpi_unit ?? this.info.kpi_label ?? this.info.kpi ?? "kpi"); }

  /** Whether somebody said what a KPI unit is worth; without it no figure in money is told. */
  get priced() { return this.info.priced !== false; }

  /** Whether the last answer is one to the plan as it is now. */
  get isAnswered() { return this.answer?.key === plans.identityOf(plans.scenarioRequest(this.plan)); }

  /** Load what is known of the market and answer the plan; what is spent now is shown as soon as it is known. */
  async open() {
    const [info, found] = await Promise.all([
      api.model(this.brand, this.market),
      api.scenario(this.brand, this.market, plans.nowRequest(this.plan, this.plan.horizon)),
    ]);
    this.info = { ...this.entry, ...info };
    this.version = versionOf(this.info) ?? this.version;
    this.take(found);
    await this.answerAll(found);
  }

  /** Ask about plan and curves; `now` is the answer about what is spent now, which a fresh plan is. */
  async answerAll(now) {
    if (this.isCurrent() && !this.plan.saved.length && !Object.keys(this.plan.controls).length) this.accept(now, plans.scenarioRequest(this.plan));
    this.curves = this.ends = null;
    if (this.answer && !this.isAnswered) this.answer = null;
    if (this.answer) this.hooks.rebuild();
    await Promise.all([this.isAnswered ? null : this.ask().then(() => this.hooks.rebuild()), this.askCurves()]);
    this.show();
  }

  /** Begin from what is spent now; with channels `before`, each keeps its change against now. */
  take(found, before = null, ratio = 1) {
    const colours = channelColours(found.status_quo.channels.map((row) => row.channel));
    this.currency = found.currency;
    this.dates = found.dates;
    this.period = plans.periodOf(this.info.period, found.dates) ?? this.period ?? "period";
    this.channels = plans.channelsOf(found.status_quo, found.currency, colours, this.info.channels, this.info.treatments);
    const worded = (this.info.channels ?? []).filter((one) => one.label && one.label !== one.name);
    calledBy(Object.fromEntries(worded.map((one) => [one.name, one.label])));
    if (!before) this.strangers = Object.keys(this.plan.amounts).filter((name) => !(name in colours));
    const moved = (amounts) => (before
      ? plans.carriedOver(amounts, before, this.channels, ratio)
      : Object.fromEntries(this.channels.map(({ name, current }) => [name, settled(amounts[name], current)])));
    const whole = (one) => {
      const amounts = moved(one.amounts);
      return { ...one, amounts, spread: fitting(one.spread ?? {}, amounts, this.plan.horizon) };
    };
    Object.assign(this.plan, whole(this.plan));
    this.plan.saved = this.plan.saved.map(whole);
    this.plan.controls = Object.fromEntries(Object.entries(this.plan.controls).filter(([name, path]) =>
      (this.info.controls ?? []).includes(name) && path.length === this.plan.horizon));
  }

  /** Ask about the plan; an answer to another question than the one now asked is dropped. */
  async ask() {
    const request = plans.scenarioRequest(this.plan);
    const found = await api.scenario(this.brand, this.market, request);
    if (plans.identityOf(request) !== plans.identityOf(plans.scenarioRequest(this.plan))) return;
    this.accept(found, request);
    if (this.plan.effects === "total" || (this.ends && this.channels.some((channel) => plans.sliderEnd(this.plan, channel) > 1.0001 * this.ends[channel.name]))) {
      this.trace();
    }
    this.show();
  }

  accept(found, request) {
    const saved = Object.fromEntries(found.plans.map((one) => [one.name, one]));
    this.failure = null;
    this.answer = { ...found, plan: saved.plan, saved, key: plans.identityOf(request) };
    this.heed(found);
  }

  async askCurves() {
    const ends = Object.fromEntries(this.channels.map((channel) => [channel.name, plans.sliderEnd(this.plan, channel)]));
    const request = plans.curveRequest(this.plan, this.channels, ends);
    const found = await api.scenario(this.brand, this.market, request);
    if (found.horizon !== this.plan.horizon) return;
    const [plan, ...points] = found.plans;
    this.ends = ends;
    this.curves = points;
    this.direct = { now: found.status_quo, plan };
    this.show();
  }

  /** Tell if another version of the model has answered than the one the page was opened with. */
  heed(found) {
    const version = versionOf(found.model);
    if (version && this.version && version !== this.version) this.hooks.newer(version);
  }

  /** Run; what the service refuses is kept and shown, and so is that it does not answer. */
  async guarded(run) {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      this.failure = error;
      this.show();
    }
  }

  /** Ask once more after a failure. */
  retry() {
    this.failure = null;
    this.show();
    if (!this.curves) this.trace();
    return this.evaluate();
  }

  /** Note a change of the plan: show it at once, its answer a moment later. */
  changed() {
    this.outcome = this.failure = null;
    this.show();
    this.soon();
  }

  /** Other amounts; every channel keeps the shape it has over periods and regions. */
  setAmounts(amounts) {
    this.plan.amounts = { ...this.plan.amounts, ...amounts };
    this.plan.spread = plans.reshaped(this.plan.spread, this.plan.amounts);
    this.changed();
  }

  setAmount(name, value) { this.setAmounts({ [name]: value }); }

  setTotal(value) { this.setAmounts(plans.scaledTo(this.plan, this.channels, value)); }

  /** Every channel's amount in equal parts over the periods; regions keep their share. */
  spreadEvenly() {
    const even = (total) => Array.from({ length: this.plan.horizon }, () => total / this.plan.horizon);
    const spread = this.channels.filter((channel) => !plans.isTreatment(channel)).map(({ name }) => [name, this.plan.amounts[name]]);
    this.setSpread(Object.fromEntries(spread.map(([name, total]) => [name, withPeriods(this.plan.spread[name] ?? null, even(total))])));
  }

  /** A channel's amounts in another form: by period, by region, or both. */
  setSpread(forms) {
    this.frontier = null;
    this.plan.spread = { ...this.plan.spread, ...forms };
    this.plan.amounts = { ...this.plan.amounts, ...Object.fromEntries(Object.entries(forms).map(([name, form]) => [name, sumOf(form)])) };
    this.changed();
  }

  setPeriods(name, periods) { this.setSpread({ [name]: withPeriods(this.plan.spread[name], periods) }); }

  setRegions(name, regions) { this.setSpread({ [name]: withRegions(this.plan.spread[name], regions) }); }

  /** Fall on periods and regions as the last periods did. */
  clearSpread() {
    this.plan.spread = {};
    this.regions = this.frontier = null;
    this.changed();
  }

  /** Amounts out of a file, over the periods that it covers; channels it does not name stay as they are. */
  async takeFile(found) {
    if (found.dates.length !== this.plan.horizon) await this.setHorizon(found.dates.length);
    this.setSpread(found.spend);
  }

  /** A control's values over the horizon, null where it is as in the last year. */
  setControl(name, values) {
    const { [name]: _, ...others } = this.plan.controls;
    this.plan.controls = values.some((value) => value !== null) ? { ...others, [name]: values } : others;
    this.frontier = null;
    this.changed();
  }

  /** What a treatment costs makes it a line of the plan; null takes it out again. */
  setTreatmentCost(name, cost) {
    const without = (named) => Object.fromEntries(Object.entries(named).filter(([one]) => one !== name));
    const known = (group) => ({ ...group, channels: group.channels.filter((one) => cost || one !== name) });
    this.wantedCosts = { ...this.wantedCosts, [name]: cost };
    return this.replan(() => this.wantedCosts[name] === cost && ({
      treatmentCosts: { ...without(this.plan.treatmentCosts), ...(cost && { [name]: cost }) },
      limits: cost ? this.plan.limits : without(this.plan.limits), controls: without(this.plan.controls), groups: this.plan.groups.map(known),
    }));
  }

  setLimit(name, side, value) {
    const own = { ...this.plan.limits[name], [side]: value };
    const crossed = own.least != null && own.most != null && own.least > own.most;
    if (crossed) own[side === "least" ? "most" : "least"] = value;
    this.plan.limits = { ...this.plan.limits, [name]: own };
    this.frontier = null;
    this.changed();
  }

  setHold(name, hold) {
    this.plan.limits = { ...this.plan.limits, [name]: { ...this.plan.limits[name], hold } };
    this.frontier = null;
    this.changed();
  }

  /** Any of the plan's other fields: goal, target, limits of all, groups, effects, risk, by region, prices. */
  set(fields) {
    Object.assign(this.plan, fields);
    this.frontier = null;
    if ("prices" in fields || "frequency" in fields) this.trace();
    this.changed();
  }

  openLimits() { this.set({ swing: null, limits: {}, groups: [] }); }

  setGoal(goal) {
    const { total_roi: roi, kpi } = this.answer?.status_quo ?? {};
    const targets = { target_roi: Number((roi?.mean ?? 1).toPrecision(2)), kpi_target: Number(((kpi?.mean ?? 1) * 1.02).toPrecision(3)) };
    this.set({ goal, target: targets[goal] ?? null, capped: goal === "profit" });
  }

  /** Plan other periods: every channel keeps its change against now. The last horizon asked for wins. */
  setHorizon(horizon) {
    this.wantedHorizon = horizon;
    return this.replan(() => (this.wantedHorizon === horizon && this.plan.horizon !== horizon ? { horizon } : null));
  }

  /** Ask what is spent now under other terms and begin from there; `terms()` is null once others are wanted. */
  replan(terms) {
    const termed = () => terms() && { ...this.plan, ...terms() };
    const asksOf = (plan) => JSON.stringify(plan && [plan.horizon, plan.treatmentCosts]);
    this.settling = this.guarded(async () => {
      const asked = termed();
      const found = asked && await api.scenario(this.brand, this.market, plans.nowRequest(asked, asked.horizon));
      if (!found || !terms()) return null;
      if (asksOf(asked) !== asksOf(termed())) return this.replan(terms);
      const ratio = asked.horizon / this.plan.horizon;
      Object.assign(this.plan, terms());
      this.plan.limits = plans.carriedLimits(this.plan.limits, ratio);
      this.plan.groups = plans.carriedGroups(this.plan.groups, ratio);
      this.outcome = this.regions = this.frontier = this.failure = null;
      this.take(found, this.channels, ratio);
      return this.answerAll(found);
    });
    return this.settling;
  }

  reset() {
    this.plan.spread = this.plan.frequency = {};
    this.setAmounts(Object.fromEntries(this.channels.map(({ name, current }) => [name, current])));
  }

  /** Ask for the best plan within the limits and put it on the sliders. */
  async optimize() {
    this.busy = true;
    this.outcome = this.frontier = null;
    this.show();
    await this.settling;
    await this.guarded(async () => {
      const request = plans.budgetRequest(this.plan, this.channels);
      const found = await this.best(request);
      const isAsked = plans.identityOf(request) === plans.identityOf(plans.budgetRequest(this.plan, this.channels));
      if (!isAsked) {
        this.outcome = { status: "changed" };
        return;
      }
      this.outcome = found;
      this.frontier = found.frontier ?? null;
      if (found.status !== "infeasible") await this.adopt(found);
    });
    this.busy = false;
    this.show();
  }

  /** Take over a plan of the service; without regions of its own, amounts fall on them as in the last periods. */
  async adopt(found) {
    const amounts = { ...this.plan.amounts, ...found.spend };
    const kept = Object.fromEntries(Object.entries(this.plan.spread).filter(([, form]) => Array.isArray(form)));
    this.regions = found.regions;
    this.plan.amounts = amounts;
    this.plan.spread = plans.reshaped(kept, amounts);
    for (const { name } of found.regions ? this.channels.filter((channel) => !plans.isTreatment(channel)) : []) {
      const rows = found.regions.filter((row) => row.channel === name);
      if (!rows.length) continue;
      const regions = Object.fromEntries(rows.map((row) => [row.region, row.spend]));
      this.plan.spread[name] = withRegions(this.plan.spread[name], regions);
      this.plan.amounts[name] = sumOf(this.plan.spread[name]);
    }
    await this.ask();
  }

  /** The plan of record of a plan, as a file: its amounts stay in the periods and regions that it has them in. */
  commit(plan) { return api.commit(this.brand, this.market, plans.ownRequest(plan), this.version); }

  /** What came, against a plan of record. */
  variance(file) { return api.variance(this.brand, this.market, file, this.version); }

  /** The service's answer; one that says which limits clash is an answer too. */
  async best(request) {
    try {
      return await api.optimize(this.brand, this.market, request);
    } catch (error) {
      if (!error.clashes?.length) throw error;
      return { status: "infeasible", message: error.message, clashes: error.clashes };
    }
  }

  /** Keep the plan in work under a name. */
  add(name) {
    const { saved, amounts, spread, frequency } = this.plan;
    const one = { id: plans.freeId(saved), name: name ? plans.freeName(saved, name) : this.nextName(), amounts: { ...amounts }, spread, frequency };
    this.plan.saved = [...saved, one];
    this.show();
    this.evaluate();
    return one.name;
  }

  /** Lay a plan that was kept earlier beside the one in work. */
  compare({ name, amounts, spread, frequency }) {
    const saved = this.plan.saved;
    const known = Object.fromEntries(this.channels.map((channel) => [channel.name, amounts[channel.name] ?? channel.current]));
    this.plan.saved = [...saved, { id: plans.freeId(saved), name: plans.freeName(saved, name), amounts: known, spread: fitting(spread, known, this.plan.horizon), frequency }];
    this.changed();
  }

  nextName() {
    return plans.freeName(this.plan.saved, this.outcome?.spend ? "Optimised" : "Scenario", 1);
  }

  rename(id, name) {
    const others = this.plan.saved.filter((one) => one.id !== id);
    const given = name.trim() && plans.freeName(others, name.trim());
    this.plan.saved = this.plan.saved.map((one) => (one.id === id && given ? { ...one, name: given } : one));
    this.show();
  }

  remove(id) {
    this.plan.saved = this.plan.saved.filter((one) => one.id !== id);
    this.changed();
  }

  load(id) {
    const { amounts, spread, frequency = {} } = this.plan.saved.find((one) => one.id === id);
    Object.assign(this.plan, { amounts: { ...amounts }, spread: { ...spread }, frequency: { ...frequency } });
    this.changed();
  }

  /** The plan's rows by channel; none before it is answered. */
  get rows() { return new Map(this.isAnswered ? this.answer.plan.channels.map((row) => [row.channel, row]) : []); }

  /** The plan in work spends what is spent now, when and where it is. */
  isCurrent() {
    return !Object.keys(this.plan.spread).length && !Object.keys(this.plan.frequency).length
      && this.channels.every(({ name, current }) => Math.abs(this.plan.amounts[name] - current) <= 0.011 + 1e-6 * current);
  }

  /** Nothing was touched since the market was opened. */
  isFresh() {
    const own = ["horizon", "goal", "swing", "effects", "risk", "byRegion", "limits", "saved", "groups", "controls", "mode", "chance", "frontier", "prices", "frequency", "treatmentCosts"];
    const fresh = plans.freshPlan();
    return this.isCurrent() && own.every((name) => JSON.stringify(this.plan[name]) === JSON.stringify(fresh[name]));
  }

  /** Date from which the plan runs, and the start of its last period. */
  get starts() { return day(this.dates[0]); }

  get until() { return day(this.dates.at(-1)); }
}

/** Shapes that fit a horizon: those by period of another length are gone, their regions stay. */
function fitting(spread, amounts, horizon) {
  const fits = (form) => (Array.isArray(form) ? form.length === horizon : Object.values(form).every((own) => !Array.isArray(own) || own.length === horizon));
  const kept = Object.entries(spread).filter(([name]) => name in amounts).map(([name, form]) => [name, fits(form) ? form : byRegion(form)]);
  return plans.reshaped(Object.fromEntries(kept.filter(([, form]) => form)), amounts);
}

/** An amount out of an address, which has nine digits of it: what differs by less is what is spent now. */
const settled = (value, current) => (value === undefined || Math.abs(value - current) <= 1e-7 * current ? current : value);

const versionOf = (found) => (found?.version === undefined || found.version === null ? null : String(found.version));
