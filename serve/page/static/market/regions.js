// The plan by region as a table to edit: a row for each region, a column for each channel.

import { fill, find, h } from "../base/dom.js";
import { change, editable, parseAmount, subject } from "../base/format.js";
import { byRegion } from "./spread.js";

const LARGEST = 1e13;

/** Show the regions of a plan that has some; the result updates them. */
export function regionTable(planning) {
  const box = find("regions");
  box.hidden = (planning.info.regions ?? []).length < 2;
  let rows = null;
  let built = "";

  function update() {
    const names = planning.channels.filter(({ name }) => byRegion(planning.plan.spread[name])).map(({ name }) => name);
    find("regions-reading").textContent = names.length
      ? "Planned spend of each region, to be changed where you know better; in small print the change against now, where it is known."
      : `Spend falls on regions as in the last ${planning.plan.horizon} ${planning.period}s. To plan each of them, tick “Plan each of the ${planning.info.regions?.length} regions” under More settings and press Optimise, or upload a file with a column region.`;
    find("regions-table").hidden = !names.length;
    if (!names.length || !box.open) return;
    if (built !== names.join("\n")) {
      built = names.join("\n");
      rows = planning.info.regions.map((region) => row(region, names, planning));
      fill(find("regions-table"), h("table", {},
        h("caption", { class: "sr" }, "Spend by region and channel"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Region"), names.map((name) => h("th", { scope: "col" }, subject(name))))),
        h("tbody", {}, rows.map((one) => one.element))));
    }
    for (const one of rows) one.update();
  }

  fill(find("regions-table"));
  box.ontoggle = update;
  return update;
}

function row(region, names, planning) {
  const cells = names.map((name) => cell(region, name, planning));
  return { element: h("tr", {}, h("th", { scope: "row" }, region), cells.map((one) => one.element)), update: () => cells.forEach((one) => one.update()) };
}

function cell(region, name, planning) {
  const against = h("small", {});
  const input = h("input", {
    type: "text", inputmode: "decimal", "aria-label": `${subject(name)} in ${region}`,
    onchange: () => {
      const value = parseAmount(input.value.trim() || "0");
      input.toggleAttribute("aria-invalid", false);
      if (!(value >= 0 && value <= LARGEST)) input.setAttribute("aria-invalid", "true");
      else planning.setRegions(name, { ...byRegion(planning.plan.spread[name]), [region]: value });
    },
  });

  function update() {
    const value = byRegion(planning.plan.spread[name])?.[region];
    if (document.activeElement !== input && !input.hasAttribute("aria-invalid")) input.value = editable(value);
    const now = planning.regions?.find((one) => one.region === region && one.channel === name);
    against.textContent = now ? `${change(value, now.current_spend)}${now.extrapolated ? ", beyond experience" : ""}` : "";
  }

  return { element: h("td", {}, input, against), update };
}
