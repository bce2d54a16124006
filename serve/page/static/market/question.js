// The plan's form: horizon, total, goal, how far channels may move, and the optimise button.

import { fill, find, h, options } from "../base/dom.js";
import { amountField, amountSlider } from "../base/fields.js";
import { amount, change, listing, readable, subject } from "../base/format.js";
import { GOALS, cents, currentTotal, planTotal, reachable } from "./plan.js";

const SWINGS = [["0.1", "±10 %"], ["0.2", "±20 %"], ["0.3", "±30 %"], ["0.5", "±50 %"], ["1", "nothing to double"], ["none", "anything"]];
const NEEDS_TARGET = ["target_roi", "kpi_target"];
const MOST_PERIODS = 520;

/** Build the form; the result updates it. `act` has what its fields do. */
export function questionForm(planning, act) {
  const form = find("question");
  const parts = fields(planning, act);
  const said = h("div", { class: "said", id: "said", role: "status", "aria-live": "polite" });
  const button = h("button", { class: "main", id: "optimize" }, "Optimise");
  const reset = h("button", { type: "button", id: "reset", onclick: act.reset }, "Back to current spend");
  fill(form, find("question-title"), parts.elements, h("div", { class: "actions" }, button, reset), said);
  form.onsubmit = (event) => { event.preventDefault(); if (!planning.busy) act.optimize(); };
  return () => {
    parts.update();
    button.setAttribute("aria-disabled", String(planning.busy));  // disabled, it would lose the focus
    button.textContent = planning.busy ? "Optimising …" : "Optimise";
    fill(said, outcome(planning, act));
  };
}

function fields(planning, act) {
  const horizon = h("input", {
    type: "number", id: "horizon", min: 1, max: planning.info.periods ?? MOST_PERIODS, step: 1, required: true,
    onchange: () => { if (horizon.reportValidity()) act.setHorizon(Number(horizon.value)); },
  });
  const total = amountField({ name: `Total budget, ${planning.currency}`, id: "total", onset: act.setTotal });
  const slider = amountSlider({ name: "Total budget", unit: planning.currency, oninput: act.setTotal });
  const hint = h("p", { class: "hint", id: "total-hint" });
  const goal = h("select", { id: "goal", onchange: () => act.setGoal(goal.value) });
  options(goal, Object.entries(GOALS).map(([key, text]) => [key, text.replaceAll("KPI", planning.kpi)]), planning.plan.goal);
  const target = amountField({ name: "Target", id: "target", onset: act.setTarget });
  const targetBox = h("div", { class: "field" }, h("label", { for: "target" }, "Target"), target.input);
  const capped = h("input", { type: "checkbox", id: "capped", onchange: () => act.setCapped(capped.checked) });
  const cappedBox = h("div", { class: "field" }, h("label", { class: "check" }, capped, "Spend no more than the total"));
  const swing = h("select", { id: "swing", onchange: () => act.setSwing(swing.value === "none" ? null : Number(swing.value)) });
  options(swing, SWINGS, String(planning.plan.swing ?? "none"));
  const elements = [
    h("div", { class: "field" }, h("label", { for: "horizon" }, `Horizon, ${planning.period}s from ${planning.starts()}`), horizon),
    h("div", { class: "field total" }, h("label", { for: "total" }, `Total budget, ${planning.currency}`), total.input, slider.track, hint),
    h("div", { class: "field" }, h("label", { for: "goal" }, "Goal"), goal),
    targetBox, cappedBox,
    h("div", { class: "field" }, h("label", { for: "swing" }, "Each channel may change by"), swing),
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
    cappedBox.hidden = plan.goal === "kpi";
    target.show(plan.target);
    capped.checked = plan.capped;
    const known = SWINGS.some(([key]) => key === String(plan.swing));
    if (!known && plan.swing !== null) options(swing, [[String(plan.swing), `±${Math.round(100 * plan.swing)} %`], ...SWINGS], String(plan.swing));
    swing.value = String(plan.swing ?? "none");
  }

  return { elements, update };
}

/** What the last optimisation said: found, or why not and what to change. */
function outcome(planning, act) {
  const { outcome: found } = planning;
  if (!found) return [];
  if (found.error) return [refused(found.error)];
  if (found.status === "infeasible") return [infeasible(found, planning, act)];
  const held = Object.entries(found.binding).filter(([name, side]) => side === "max" && name in found.marginal_roi);
  const names = held.sort(([a], [b]) => found.marginal_roi[b] - found.marginal_roi[a]).slice(0, 3).map(([name]) => subject(name));
  return [h("div", { class: "message good" },
    h("p", {}, h("b", {}, "Optimised. "), readable(found.message)),
    found.status === "feasible" && h("p", {}, "The best of several searches; a better plan cannot be ruled out."),
    names.length > 0 && h("p", {}, `Held back by their upper limits: ${listing(names)}. Raising ${names.length > 1 ? "these" : "this"} would add most.`),
  )];
}

function refused(error) {
  return h("div", { class: "message bad" },
    h("p", {}, h("b", {}, "This cannot be computed. "), readable(error.message)),
    error.details?.length > 0 && h("ul", {}, error.details.map((line) => h("li", {}, readable(line)))),
  );
}

function infeasible(found, planning, act) {
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
      nearText && h("button", { type: "button", onclick: () => act.setTotal(cents(near)) }, nearText),
      h("button", { type: "button", onclick: act.openLimits }, "Remove all limits"),
    ),
  );
}
