// Limits of sums of channels: which channels, and the least and most they may get, as an amount or a share.

import { fill, h } from "../base/dom.js";
import { amountField } from "../base/fields.js";
import { listing, subject } from "../base/format.js";

const PERCENT = 100;

/** The groups of a plan as fields; `update` shows what the plan holds. */
export function groupList(planning) {
  const box = h("div", { class: "groups" });
  const add = h("button", { type: "button", id: "add-group", onclick: () => change([...planning.plan.groups, empty()]) }, "Add a group of channels");
  const element = h("div", { class: "field" }, h("span", { class: "label" }, "Groups with a limit of their own"), box, add);
  const change = (groups) => planning.set({ groups });
  let rows = [];

  /** Fields stay where they are while somebody uses them; only another number of groups builds them anew. */
  function update() {
    const { groups } = planning.plan;
    if (rows.length !== groups.length) {
      rows = groups.map((_, place) => fields(place, planning, change));
      fill(box, rows.map((row) => row.element));
    }
    rows.forEach((row, place) => row.update(groups[place]));
  }

  return { element, update };
}

const empty = () => ({ channels: [], least: null, most: null, leastShare: null, mostShare: null });

function fields(place, planning, change) {
  const name = `Group ${place + 1}`;
  const group = () => planning.plan.groups[place];
  const edit = (more) => change(planning.plan.groups.map((one, at) => (at === place ? { ...one, ...more } : one)));
  const boxes = planning.channels.filter((channel) => channel.inBudget).map((channel) => {
    const input = h("input", {
      type: "checkbox", value: channel.name,
      onchange: () => edit({ channels: input.checked ? [...group().channels, channel.name] : group().channels.filter((one) => one !== channel.name) }),
    });
    return { input, element: h("label", { class: "check" }, input, subject(channel.name)) };
  });
  const limit = (text, key, factor = 1) => {
    const field = amountField({ name: `${name}, a${text.slice(1)}`, optional: true, onset: (value) => edit({ [key]: value === null ? null : value / factor }) });
    const show = (one) => field.show(one[key] === null ? null : one[key] * factor, "no limit");
    return { show, element: h("label", {}, text, field.input) };
  };
  const limits = [
    limit(`At least, ${planning.currency}`, "least"), limit(`At most, ${planning.currency}`, "most"),
    limit("At least, % of the total", "leastShare", PERCENT), limit("At most, % of the total", "mostShare", PERCENT),
  ];
  const summary = h("summary", {});
  const element = h("fieldset", { class: "group" }, h("legend", {}, name),
    h("details", { open: !group().channels.length }, summary, h("div", { class: "markets" }, boxes.map((one) => one.element))),
    h("div", { class: "limits" }, limits.map((one) => one.element)),
    h("button", { type: "button", "aria-label": `Remove ${name.toLowerCase()}`, onclick: () => change(planning.plan.groups.filter((_, at) => at !== place)) }, "Remove"));

  function update(one) {
    summary.textContent = one.channels.length ? listing(one.channels.map(subject)) : "Choose its channels";
    for (const { input } of boxes) input.checked = one.channels.includes(input.value);
    for (const { show } of limits) show(one);
  }

  return { element, update };
}
