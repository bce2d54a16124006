// How exposure is bought: what a unit costs by how much is spent, how often people are reached, what treatments cost.

import { cards, fill, find, h, options } from "../base/dom.js";
import { amountField } from "../base/fields.js";
import { change, count, listing, number, percent, signedSpan, span, subject } from "../base/format.js";

const RULES = [["constant", "as in the last year"], ["estimated", "as it moved in the data"], ["elasticity", "rises with spend"], ["tiers", "a rate card"]];
const MOST_ELASTICITY = 0.6;
const TIERS = "Steps as units a period: price; the last without units. For example 2M: 0.008; 0.010";

/** Build the rows of channels that have a price or a frequency; the result updates them. */
export function buyingTable(planning) {
  const box = find("buying");
  const priced = planning.channels.filter((channel) => channel.hasPrice);
  const reaching = planning.channels.filter((channel) => channel.frequency);
  const treatments = planning.info.treatments ?? [];
  box.hidden = !priced.length && !reaching.length && !treatments.length;
  find("buying-title").textContent = listing([priced.length && "prices", reaching.length && "frequency", treatments.length && "costs of treatments"].filter(Boolean)).replace(/^./, (first) => first.toUpperCase());
  find("buying-reading").textContent = [
    priced.length && "A price that rises with spend makes more money buy less than in proportion.",
    reaching.length && "At another frequency the same money buys the same contacts, of more people or fewer.",
    treatments.length && "A treatment with a cost is planned in money, beside channels.",
  ].filter(Boolean).join(" ");
  const prices = priced.map((channel) => priceRow(channel, planning));
  const frequencies = reaching.map((channel) => frequencyRow(channel, planning));
  const costs = treatments.map((treatment) => costRow(treatment, planning));
  fill(find("buying-table"),
    prices.length > 0 && tableOf("What a unit of exposure costs", ["Channel", "Price", "Units bought", `Price now, ${planning.currency}`, "Under the plan", "One unit more"], prices),
    frequencies.length > 0 && tableOf("How often people are reached", ["Channel", "Plan", "Now", "Best", "No advice within", "At the best, same spend"], frequencies),
    costs.length > 0 && tableOf("What treatments cost", ["Treatment", `One unit costs, ${planning.currency}`, "Counted against", "In the last year", "Under the plan", "Spent"], costs));
  const title = find("buying-title").textContent;
  const update = () => {
    find("buying-title").textContent = [title, bought(planning)].filter(Boolean).join(": ");
    if (box.open)  [...prices, ...frequencies, ...costs].forEach((row) => row.update());
  };
  box.ontoggle = update;
  return update;
}

const tableOf = (caption, heads, rows) => cards(h("table", {},
  h("caption", {}, caption),
  h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))),
  h("tbody", {}, rows.map((row) => row.element))));

const without = (named, name) => Object.fromEntries(Object.entries(named).filter(([one]) => one !== name));

/** Price of a channel: the rule, and what it comes to. */
function priceRow(channel, planning) {
  const title = subject(channel.name);
  const set = (price) => planning.set({ prices: price ? { ...planning.plan.prices, [channel.name]: price } : without(planning.plan.prices, channel.name) });
  const rule = h("select", { "aria-label": `Price of ${title}`, onchange: () => choose(rule.value) });
  options(rule, RULES, "constant");
  const value = h("input", { type: "text", "aria-label": `${title}: what its price follows`, onchange: () => read(rule.value) });
  const cells = ["units", "now", "price", "marginal"].map(() => h("td", {}));
  const seen = channel.elasticity === null ? "" : `in the data ${percent(1.1 ** channel.elasticity - 1)} with 10 % more spend`;
  const element = h("tr", {}, h("th", { scope: "row" }, title), h("td", { class: "rule" }, rule, value, h("small", {}, seen)), cells);

  function choose(name) {
    value.hidden = name !== "elasticity" && name !== "tiers";
    value.value = name === "elasticity" ? String(Number((channel.elasticity || 0.2).toPrecision(2))) : "";
    value.setAttribute("aria-label", name === "tiers" ? `${title}: ${TIERS}` : `${title}: per cent by which its price rises with one per cent more spend, 0 to ${MOST_ELASTICITY}`);
    value.title = name === "tiers" ? TIERS : `0 to ${MOST_ELASTICITY}`;
    value.placeholder = name === "tiers" ? "2M: 0.008; 0.010" : "0.2";
    value.removeAttribute("aria-invalid");
    if (name === "constant") set(null);
    else if (name === "estimated") set({ source: name });
    else if (name === "elasticity") read(name);
    else value.focus();
  }

  function read(name) {
    const elasticity = Number(value.value.trim() || NaN);
    const price = name === "tiers" ? tiersOf(value.value) : elasticity >= 0 && elasticity <= MOST_ELASTICITY && { elasticity };
    value.toggleAttribute("aria-invalid", false);
    if (price) set(price);
    else value.setAttribute("aria-invalid", "true");
  }

  function update() {
    const own = planning.plan.prices[channel.name];
    const name = own?.tiers ? "tiers" : own?.elasticity !== undefined ? "elasticity" : own?.source ?? "constant";
    const isTyping = document.activeElement === value || value.hasAttribute("aria-invalid") || rule.value === "tiers" && !own;
    if (!isTyping) {
      rule.value = name;
      value.hidden = name !== "elasticity" && name !== "tiers";
      value.value = own?.tiers ? own.tiers.map((one) => [one.up_to, one.price].filter((part) => part != null).join(": ")).join("; ") : String(own?.elasticity ?? "");
    }
    const row = planning.rows.get(channel.name);
    const now = planning.isAnswered && planning.answer.status_quo.channels.find((one) => one.channel === channel.name);
    const told = (price) => (price == null ? "–" : number(price, 3));
    fill(cells[0], row ? number(row.units, 3) : "–", row && now && h("small", {}, change(row.units, now.units)));
    fill(cells[1], now ? told(now.price) : "–");
    fill(cells[2], row ? told(row.price) : "–", row?.price != null && now?.price != null && h("small", {}, change(row.price, now.price)));
    fill(cells[3], row ? told(row.marginal_price) : "–");
  }

  value.hidden = true;
  return { element, update };
}

const SIZES = { k: 1e3, m: 1e6, b: 1e9 };

/** Steps out of "2M: 0.008; 0.010"; null if it is no rate card. */
function tiersOf(text) {
  const tiers = text.split(";").map((step) => step.trim()).filter(Boolean).map((step) => {
    const found = /^(?:([\d.,]+)\s*([kmb]?)\s*:)?\s*([\d.]+)$/i.exec(step);
    if (!found) return null;
    const price = Number(found[3]);
    return found[1] ? { up_to: Number(found[1].replaceAll(",", "")) * (SIZES[found[2].toLowerCase()] ?? 1), price } : { price };
  });
  return tiers.length && tiers.every((one) => one && one.price > 0) ? { tiers } : null;
}

/** Frequency of a channel: as it was, the best, or one of one's own; and what is known of the best. */
function frequencyRow(channel, planning) {
  const title = subject(channel.name);
  const { today, best, advice, band_lower: low, band_upper: high, chance_higher: higher } = channel.frequency;
  const set = (value) => planning.set({ frequency: value === null ? without(planning.plan.frequency, channel.name) : { ...planning.plan.frequency, [channel.name]: value } });
  const rule = h("select", { "aria-label": `Frequency of ${title}`, onchange: () => set({ keep: null, best, number: Number(today.toPrecision(2)) }[rule.value]) });
  options(rule, [["keep", "as it was"], ["best", `the best, ${number(best)}`], ["number", "a number"]], "keep");
  const own = amountField({ name: `${title}, contacts per person reached`, least: 1, onset: set });
  const gain = { mean: channel.frequency.gain, lower: channel.frequency.gain_lower, upper: channel.frequency.gain_upper };
  const advised = advice === "none" ? "No advice: today's lies within" : `Advice: ${advice}`;
  const element = h("tr", {}, h("th", { scope: "row" }, title), h("td", { class: "rule" }, rule, own.input),
    h("td", {}, number(today)), h("td", {}, number(best), h("small", {}, span({ lower: channel.frequency.best_lower, upper: channel.frequency.best_upper })), higher !== null && h("small", {}, `higher than today's in ${percent(higher)} of draws`)),
    h("td", {}, `${number(low)} to ${number(high)}`, h("small", {}, advised)),
    h("td", {}, `${number(gain.mean)} ${planning.kpi}`, h("small", {}, `${signedSpan(gain)}, training window`)));

  function update() {
    const value = planning.plan.frequency[channel.name];
    rule.value = value === undefined ? "keep" : value === best ? "best" : "number";
    own.input.hidden = rule.value !== "number";
    own.show(value ?? null);
  }

  own.input.hidden = true;
  return { element, update };
}

const PER = [["kpi", "for every KPI unit sold"], ["period", "in each region and period"]];

/** Cost of a treatment: for one unit above what it is counted against; empty leaves its path to the controls. */
function costRow(treatment, planning) {
  const title = subject(treatment.name);
  const own = () => planning.plan.treatmentCosts[treatment.name];
  const set = (cost) => planning.setTreatmentCost(treatment.name, cost && { cost, per: per.value });
  const cost = amountField({ name: `${title}, cost of one unit, ${planning.currency}`, optional: true, onset: set });
  const per = h("select", { "aria-label": `${title}: how often its cost is paid`, onchange: () => own() && set(own().cost) });
  options(per, PER, own()?.per ?? "kpi");
  const [value, spent] = [h("td", {}), h("td", {})];
  const element = h("tr", {}, h("th", { scope: "row" }, title), h("td", { class: "rule" }, cost.input, per),
    h("td", {}, number(treatment.reference, 3)), h("td", {}, number(treatment.usual, 3)), value, spent);

  function update() {
    const row = planning.rows.get(treatment.name);
    cost.show(own()?.cost ?? null, "no cost");
    if (own()) per.value = own().per;
    fill(value, row?.value != null ? number(row.value, 3) : "–");
    fill(spent, row ? number(row.spend, 3) : "–", row && h("small", {}, change(row.spend, row.current_spend)));
  }

  return { element, update };
}

/** What of prices, frequency and treatments a plan sets, in words; empty where nothing. */
function bought(planning) {
  const { prices, frequency, treatmentCosts } = planning.plan;
  const [p, f, t] = [Object.keys(prices).length, Object.keys(frequency).length, Object.keys(treatmentCosts).length];
  return [t && `${count(t, "treatment")} in the budget`, p && `${count(p, "price")} that ${p > 1 ? "move" : "moves"}`, f && `${count(f, "channel")} at another frequency`].filter(Boolean).join(", ");
}
