// The plan's form: horizon, total, goal, how far channels may move, what else may be asked, the optimise button.

import { fill, find, h, options } from "../base/dom.js";
import { amountField, amountSlider, enterCommits } from "../base/fields.js";
import { NBSP, amount, chance, change, count, listing, number, percent, readable, span, subject } from "../base/format.js";
import { groupList } from "./groups.js";
import { GOALS, MEASURES, cents, currentTotal, planTotal, reachable } from "./plan.js";

const SWINGS = [["0.1", "±10 %"], ["0.2", "±20 %"], ["0.3", "±30 %"], ["0.5", "±50 %"], ["1", "nothing to double"], ["none", "anything"]];
const RISKS = [["mean", "its average gain"], ["0.25", "what three quarters of cases reach"], ["0.1", "what nine of ten cases reach"], ["0.05", "what nineteen of twenty cases reach"], ...Object.entries(MEASURES).map(([key, { text }]) => [key, text])];
const FRONTIERS = [["none", "no"], ...[3, 5, 7, 11].map((size) => [String(size), `yes, ${size} of them`])];
const MODES = [["whole", "is split anew"], ["increment", "comes on top of what is spent"]];
const CHANCES = [["none", "half of all cases (an even bet)"], ...[0.6, 0.7, 0.8, 0.9, 0.95].map((one) => [String(one), `${Math.round(100 * one)} % of cases`])];
const EFFECTS = [["direct", "each channel's own effect"], ["total", "also through channels it moves"]];
const NEEDS_TARGET = ["target_roi", "kpi_target"];
const NEEDS_PRICE = ["target_roi", "profit"];
const SPENDS = ["kpi", "profit"];
const orNone = (value) => (value === "none" ? null : Number(value));
const MOST_PERIODS = 520;

/** Build the form; the result updates it. `optimize` is what its button does. */
export function questionForm(planning, optimize) {
  const form = find("question");
  const parts = [mainFields(planning), furtherFields(planning)];
  const said = h("div", { class: "said", id: "said", role: "status", "aria-live": "polite" });
  const button = h("button", { class: "main", id: "optimize" }, "Optimise");
  const reset = h("button", { type: "button", id: "reset", onclick: () => planning.reset() }, "Back to current spend");
  fill(form, find("question-title"), parts.map((part) => part.elements), h("div", { class: "actions" }, button, reset), said);
  form.onsubmit = (event) => { event.preventDefault(); if (!planning.busy) optimize(); };
  form.onkeydown = enterCommits;
  return () => {
    for (const part of parts) part.update();
    button.setAttribute("aria-disabled", String(planning.busy));  // disabled, it would lose the focus
    button.textContent = planning.busy ? "Optimising …" : "Optimise";
    fill(said, outcome(planning));
  };
}

/** A field with its label above. */
const field = (id, text, ...inputs) => h("div", { class: "field" }, h("label", { for: id }, text), inputs);

/** A select that sets one field of the plan. */
function choice(planning, id, entries, name, read = String) {
  const select = h("select", { id, onchange: () => planning.set({ [name]: read(select.value) }) });
  options(select, entries, String(planning.plan[name] ?? "none"));
  return select;
}

/** Have a select show what the plan holds, also where it came out of a link. */
function showChoice(select, value) {
  const text = String(value ?? "none");
  if (![...select.options].some((one) => one.value === text)) select.append(h("option", { value: text }, text));
  select.value = text;
}

function mainFields(planning) {
  const horizon = h("input", {
    type: "number", id: "horizon", min: 1, max: planning.info.periods ?? MOST_PERIODS, step: 1, required: true,
    onchange: () => { if (horizon.reportValidity()) planning.setHorizon(Number(horizon.value)); },
  });
  const total = amountField({ name: `Total budget, ${planning.currency}`, id: "total", onset: (value) => planning.setTotal(value) });
  const slider = amountSlider({ name: "Total budget", unit: planning.currency, oninput: (value) => planning.setTotal(value) });
  const hint = h("p", { class: "hint", id: "total-hint" });
  const goals = Object.entries(GOALS).filter(([key]) => planning.priced || !NEEDS_PRICE.includes(key));
  const goal = h("select", { id: "goal", onchange: () => planning.setGoal(goal.value) });
  options(goal, goals.map(([key, text]) => [key, text.replaceAll("KPI", planning.kpi)]), planning.plan.goal);
  const target = amountField({ name: "Target", id: "target", onset: (value) => planning.set({ target: value }) });
  const targetBox = field("target", "Target", target.input);
  const sure = choice(planning, "chance", CHANCES, "chance", orNone);
  const chanceBox = field("chance", "Reached in", sure);
  const capped = h("input", { type: "checkbox", id: "capped", onchange: () => planning.set({ capped: capped.checked }) });
  const cappedBox = h("div", { class: "field" }, h("label", { class: "check" }, capped, "Spend no more than the total"));
  const swing = h("select", { id: "swing", onchange: () => planning.set({ swing: swing.value === "none" ? null : Number(swing.value) }) });
  options(swing, SWINGS, String(planning.plan.swing ?? "none"));
  const totalBox = field("total", `Total budget, ${planning.currency}`, total.input, slider.track, hint);
  totalBox.classList.add("total");
  const added = amountField({ name: `On top of what is spent, ${planning.currency}`, id: "added", onset: (value) => planning.setTotal(currentTotal(planning.channels) + value) });
  const addedBox = field("added", `On top of what is spent, ${planning.currency}`, added.input);
  const elements = [
    field("horizon", `Horizon, ${planning.period}s from ${planning.starts}`, horizon), totalBox, addedBox,
    field("goal", "Goal", goal), targetBox, chanceBox, cappedBox, field("swing", "Each channel may change by", swing),
  ];

  function update() {
    const { plan, channels } = planning;
    const now = currentTotal(channels);
    const planned = planTotal(plan, channels);
    if (document.activeElement !== horizon) horizon.value = plan.horizon;
    total.show(planned);
    slider.show(planned, Math.max(2 * now, planned, 1), { now, supported: Infinity });
    const [least, most] = reachable(plan, channels);
    const allowed = Number.isFinite(most) ? `${amount(least, planning.currency)} to ${amount(most, planning.currency)}` : `from ${amount(least, planning.currency)}`;
    hint.textContent = `Now ${amount(now, planning.currency)} (${change(planned, now)}). Limits allow ${allowed}.`;
    goal.value = plan.goal;
    targetBox.hidden = !NEEDS_TARGET.includes(plan.goal);
    cappedBox.hidden = plan.goal === "kpi" || plan.mode === "increment";
    chanceBox.hidden = plan.goal !== "kpi_target";
    showChoice(sure, plan.chance);
    addedBox.hidden = plan.mode !== "increment" || !SPENDS.includes(plan.goal);
    added.show(Math.max(0, planned - now));
    target.show(plan.target);
    capped.checked = plan.capped;
    const known = SWINGS.some(([key]) => key === String(plan.swing));
    if (!known && plan.swing !== null) options(swing, [[String(plan.swing), `±${Math.round(100 * plan.swing)} %`], ...SWINGS], String(plan.swing));
    swing.value = String(plan.swing ?? "none");
  }

  return { elements, update };
}

/** What most plans leave as it is: risk, effects through other channels, regions, groups. */
function furtherFields(planning) {
  const { info } = planning;
  const risk = choice(planning, "risk", RISKS, "risk", (value) => (Number(value) || value));
  const mode = choice(planning, "mode", MODES, "mode");
  const frontier = choice(planning, "frontier-size", FRONTIERS, "frontier", orNone);
  const effects = choice(planning, "effects", EFFECTS, "effects");
  const byRegion = h("input", { type: "checkbox", id: "by-region", onchange: () => planning.set({ byRegion: byRegion.checked }) });
  const groups = groupList(planning);
  const summary = h("summary", {}, "More settings");
  const box = h("details", { class: "further", id: "further" }, summary,
    field("mode", "The budget", mode),
    field("risk", "Judge a plan by", risk),
    field("frontier-size", "Also plans from cautious to bold", frontier),
    info.has_graph && field("effects", "Count", effects),
    (info.regions ?? []).length > 1 && h("div", { class: "field" }, h("label", { class: "check" }, byRegion, `Plan each of the ${info.regions.length} regions`)),
    groups.element);
  box.open = find(box.id)?.open ?? false;
  const unsure = (info.members ?? 1) > 1;

  function update() {
    const { plan } = planning;
    showChoice(risk, plan.risk);
    showChoice(mode, plan.mode);
    showChoice(frontier, plan.frontier);
    const spends = SPENDS.includes(plan.goal);
    mode.closest(".field").hidden = !spends;
    frontier.closest(".field").hidden = !unsure || !spends;
    risk.closest(".field").hidden = !unsure || (plan.goal === "kpi_target" && plan.chance !== null);
    effects.value = plan.effects;
    byRegion.checked = plan.byRegion;
    const set = [spends && plan.mode === "increment" && "additional money", spends && plan.frontier && "cautious to bold", plan.risk !== "mean" && "risk", plan.effects === "total" && "effects", plan.byRegion && "regions", plan.groups.length && count(plan.groups.length, "group")].filter(Boolean);
    summary.textContent = set.length ? `More settings: ${listing(set)}` : "More settings";
    groups.update();
  }

  return { elements: [box], update };
}

/** What the last optimisation said: found, or why not and what to change. */
function outcome(planning) {
  const { outcome: found } = planning;
  if (planning.failure) return [refused(planning.failure)];
  if (!found) return [];
  if (found.status === "changed") return [h("p", { class: "message warn" }, "The plan was changed meanwhile, so the answer was left. Press Optimise again.")];
  if (found.status === "infeasible") return [infeasible(found, planning)];
  const held = Object.entries(found.binding).filter(([name, side]) => side === "max" && name in found.marginal_roi);
  const names = held.sort(([a], [b]) => found.marginal_roi[b] - found.marginal_roi[a]).slice(0, 3).map(([name]) => subject(name));
  return [h("div", { class: "message good" },
    h("p", {}, h("b", {}, "Optimised. "), readable(found.message)),
    found.status === "feasible" && h("p", {}, "The best of several searches; a better plan cannot be ruled out."),
    found.regret && h("p", { id: "regret" }, `Whoever knew the truth could add ${number(found.regret.mean)}${NBSP}${found.objective === "profit" ? planning.currency : planning.kpi} to it, on average over ${count(found.draws, "draw")} of the model.`),
    found.chance_of_target !== null && found.chance_of_target !== undefined && h("p", {}, `It reaches the target with a chance of ${chance(found.chance_of_target)}.`),
    dearer(found, planning),
    names.length > 0 && h("p", {}, `Held back by their upper limits: ${listing(names)}. Raising ${names.length > 1 ? "these" : "this"} would add most.`),
    found.regions && h("p", {}, "The plan of each region is below, in “By region”."),
  )];
}

/** What prices that rise with spend take of a plan. */
function dearer({ lost_to_prices: lost, gain }, planning) {
  if (!lost) return null;
  const would = gain.mean + lost.mean;
  const part = lost.mean > 0 && would > 0 ? `, ${percent(lost.mean / would)} of what would be gained at today's prices` : "";
  return h("p", { id: "dearer" }, lost.mean < 0
    ? `Units that get cheaper add ${number(-lost.mean)} ${planning.kpi} (${span({ lower: -lost.upper, upper: -lost.lower })}).`
    : `Dearer units take ${number(lost.mean)} ${planning.kpi} (${span(lost)})${part}.`);
}

function refused(error) {
  return h("div", { class: "message bad" },
    h("p", {}, h("b", {}, "This cannot be computed. "), readable(error.message)),
    error.details?.length > 0 && h("ul", {}, error.details.map((line) => h("li", {}, readable(line)))),
  );
}

function infeasible(found, planning) {
  const { plan, channels } = planning;
  const planned = planTotal(plan, channels);
  const [least, most] = reachable(plan, channels);
  const near = planned < least ? least : planned > most ? most : null;
  const nearText = near !== null && `Set the total to ${amount(near, planning.currency)}`;
  return h("div", { class: "message bad", role: "alert" },
    h("p", {}, h("b", {}, "No plan keeps all of this. "), readable(found.message)),
    found.clashes.length > 0 && h("p", {}, "These exclude each other:"),
    found.clashes.length > 0 && h("ul", {}, found.clashes.map((line) => h("li", {}, readable(line)))),
    h("div", { class: "actions" },
      nearText && h("button", { type: "button", onclick: () => planning.setTotal(cents(near)) }, nearText),
      h("button", { type: "button", onclick: () => planning.openLimits() }, "Remove all limits"),
    ),
  );
}
