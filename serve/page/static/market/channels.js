// The list of channels: slider, amount, limits, hold, and what one more unit of money returns.

import { tone } from "../base/colours.js";
import { fill, find, h } from "../base/dom.js";
import { amountField, amountSlider } from "../base/fields.js";
import { amount, change, count, editable, number, span, subject } from "../base/format.js";
import { isBought, isTreatment, limitsOf, sliderEnd } from "./plan.js";
import { nextFactor, nextWords, times } from "./returns.js";

const KINDS = { organic: "Organic", mediator: "Moved by other channels" };

/** Build a row per channel. The result updates the rows. */
export function channelList(planning) {
  fill(find("channel-heads"), heads(planning));
  const rows = planning.channels.map((channel) => row(channel, planning));
  fill(find("channels"), rows.map((one) => one.element));
  find("channels-reading").textContent = reading(planning);
  return () => {
    const answered = planning.rows;
    rows.forEach((one) => one.update(answered));
  };
}

function heads(planning) {
  const money = planning.currency;
  return [
    `Channel, spend over ${count(planning.plan.horizon, planning.period)}: the tick marks now`, `Planned, ${money}`,
    "At least", "At most", "Hold", nextWords({ inBudget: true, unit: money }, planning),
  ].map((text) => h("span", {}, text));
}

function reading(planning) {
  return `Coloured track: what the limits allow. Reddish end: more than was ever spent in ${count(planning.plan.horizon, planning.period)}.`;
}

function row(channel, planning) {
  const title = subject(channel.name);
  const unit = channel.unit;
  const slider = amountSlider({ name: `${title}, planned spend`, unit, oninput: (value) => planning.setAmount(channel.name, value) });
  const planned = amountField({ name: `${title}, planned, ${unit}`, onset: (value) => planning.setAmount(channel.name, value) });
  const least = amountField({ name: `${title}, at least, ${unit}`, optional: true, onset: (value) => planning.setLimit(channel.name, "least", value) });
  const most = amountField({ name: `${title}, at most, ${unit}`, optional: true, onset: (value) => planning.setLimit(channel.name, "most", value) });
  const hold = h("input", {
    type: "checkbox", "aria-label": `Hold ${title} at the planned amount`,
    onchange: () => planning.setHold(channel.name, hold.checked),
  });
  const held = !isBought(channel);
  const against = h("small", {});
  const note = h("small", {});
  const marginal = h("span", {});
  const range = h("small", {});
  const element = h("div", { class: "channel", role: "group", "aria-label": title },
    h("div", { class: "name" }, h("span", { class: "dot" }), h("span", {}, title, held && h("small", {}, `${KINDS[channel.kind]}: not bought. A budget holds it, a scenario may move it.`), isTreatment(channel) && h("small", {}, "Treatment: what it costs stands under Prices."))),
    h("div", { class: "slide" }, slider.track, note),
    h("div", { class: "amount" }, word("Planned"), planned.input, against),
    h("div", { class: "least" }, !held && [word("At least"), least.input]),
    h("div", { class: "most" }, !held && [word("At most"), most.input]),
    h("div", { class: "hold" }, !held && h("label", {}, hold, word("Hold"))),
    h("div", { class: "marginal" }, word(nextWords(channel, planning)), marginal, range),
  );
  element.style.setProperty("--channel", tone(channel.colour));

  function update(answered) {
    const { plan } = planning;
    const value = plan.amounts[channel.name];
    const own = plan.limits[channel.name] ?? {};
    const [lower, upper] = held ? [0, Infinity] : limitsOf(plan, channel);
    const end = sliderEnd(plan, channel);
    const open = { now: channel.current, least: lower, most: Math.min(upper, end), supported: channel.supported };
    slider.show(value, end, open);
    slider.input.disabled = planned.input.disabled = Boolean(own.hold);
    planned.show(value);
    least.show(own.least ?? null, lower > 0 ? editable(lower) : "0");
    most.show(own.most ?? null, Number.isFinite(upper) ? editable(upper) : "no limit");
    least.input.disabled = most.input.disabled = Boolean(own.hold);
    least.input.classList.toggle("own", own.least != null);
    most.input.classList.toggle("own", own.most != null);
    hold.checked = Boolean(own.hold);
    against.textContent = change(value, channel.current);
    remark(note, channel, value, [lower, upper], planning);
    const found = answered.get(channel.name);
    const next = found && times(found.marginal_roi, nextFactor(planning));
    marginal.textContent = next ? number(next.mean) : "–";
    range.textContent = next ? span(next) : planning.failure ? "not computed" : "";
  }

  return { element, update };
}

const word = (text) => h("span", { class: "word" }, text);

/** The line below a slider: now, or why the amount deserves a second look. */
function remark(note, channel, value, [lower, upper], planning) {
  const beyond = value > channel.supported * (1 + 1e-6);
  const slack = 1e-6 * Math.max(value, 1);
  note.className = beyond ? "beyond" : "";
  if (beyond) {
    const most = amount(channel.supported, channel.unit);
    note.textContent = `Beyond experience: at most ${most} so far in ${count(planning.plan.horizon, planning.period)}`;
  } else if (value < lower - slack || value > upper + slack) {
    note.textContent = `Outside limits; now ${amount(channel.current, channel.unit)}`;
  } else {
    note.textContent = `Now ${amount(channel.current, channel.unit)}`;
  }
}
