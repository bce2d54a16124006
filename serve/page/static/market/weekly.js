// The plan period by period as a table to edit: a row for each channel, and for each promotion or control to come.

import * as api from "../base/api.js";
import { fill, find, h } from "../base/dom.js";
import { day, editable, number, parseAmount, readable, subject } from "../base/format.js";
import { csvText, save, saveAnswered } from "./download.js";
import { isTreatment, scenarioRequest } from "./plan.js";
import { byPeriod, sumOf } from "./spread.js";

const LARGEST = 1e15;

/** Build the table when it is first opened; the result updates it. */
export function weeklyTable(planning) {
  const box = find("weekly");
  const title = `${subject(planning.period)} by ${planning.period}`;
  find("weekly-title").textContent = title;
  let cells = null;
  fill(find("weekly-table"));
  wire(planning);

  function build() {
    const channels = planning.channels.filter((channel) => !isTreatment(channel)).map((channel) => amountsOf(channel, planning));
    const controls = (planning.info.controls ?? []).filter((name) => !planning.plan.treatmentCosts[name]).map((name) => valuesOf(name, planning));
    cells = [...channels, ...controls];
    fill(find("weekly-table"), h("table", {},
      h("caption", { class: "sr" }, title),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Spend"), planning.dates.map((date) => h("th", { scope: "col" }, day(date))), h("th", { scope: "col" }, "Total"))),
      h("tbody", {}, channels.map((row) => row.element), h("tr", { class: "sum" }, h("th", { scope: "row" }, `All, ${planning.currency}`), planning.dates.map((_, place) => h("td", { "data-sum": place })), h("td", { "data-sum": "all" }))),
      controls.length > 0 && h("tbody", {}, h("tr", {}, h("th", { scope: "colgroup", class: "part", colspan: planning.dates.length + 2 }, h("span", {}, "Promotions, prices and other controls to come: a scenario has them as you state them, a budget does not decide on them. Empty: as in the last year; holidays follow the calendar."))), controls.map((row) => row.element))));
  }

  function update() {
    find("weekly-shape").textContent = Object.keys(planning.plan.spread).length
      ? "Some channels have amounts of their own by period or region. A slider scales them."
      : `Amounts fall as in the last ${planning.plan.horizon} ${planning.period}s until you change one.`;
    if (!box.open) return;
    if (!cells) build();
    for (const row of cells) row.update();
    sums(planning);
  }

  box.ontoggle = update;
  return update;
}

/** Amounts of a channel by period: its own, or as the service spread them. */
export function periodsOf(planning, name) {
  const own = byPeriod(planning.plan.spread[name]);
  return own ?? (planning.isAnswered ? planning.answer.plan.periods.map((period) => period.spend[name]) : null);
}

function amountsOf(channel, planning) {
  const put = (values) => planning.setPeriods(channel.name, values);
  return editableRow({
    name: subject(channel.name), planning, note: channel.inBudget ? "" : channel.unit, least: 0, isEmptyZero: true, total: true,
    values: () => periodsOf(planning, channel.name), put,
  });
}

function valuesOf(control, planning) {
  const treatment = (planning.info.treatments ?? []).find((one) => one.name === control);
  return editableRow({
    name: subject(control), planning, note: treatment && `treatment: counted against ${number(treatment.reference, 3)}, ${number(treatment.usual, 3)} in the last year`, least: -LARGEST, isEmptyZero: false, total: false,
    values: () => planning.plan.controls[control] ?? planning.dates.map(() => null), put: (values) => planning.setControl(control, values),
  });
}

/** A row of fields; what is pasted from a spreadsheet goes on to the right. */
function editableRow({ name, planning, note = "", least, isEmptyZero, total, values, put }) {
  const change = (place, texts) => {
    const now = values()?.slice();
    if (!now) return;
    const read = texts.map((text) => valueOf(text, least, isEmptyZero));
    read.slice(0, now.length - place).forEach((value, offset) => {
      inputs[place + offset].toggleAttribute("aria-invalid", false);
      if (Number.isNaN(value)) inputs[place + offset].setAttribute("aria-invalid", "true");
      else now[place + offset] = value;
      if (texts.length > 1) inputs[place + offset].value = value === null ? "" : editable(value);
    });
    if (!read.some(Number.isNaN)) put(now);
  };
  const inputs = planning.dates.map((date, place) => h("input", {
    type: "text", inputmode: "decimal", "aria-label": `${name}, ${day(date)}`,
    onchange: (event) => change(place, [event.target.value]),
    onpaste: (event) => {
      const texts = event.clipboardData.getData("text").trim().split(/[\t\n\r]+/);
      if (texts.length < 2) return;
      event.preventDefault();
      change(place, texts);
    },
  }));
  const sum = h("td", { class: "strong" });
  const element = h("tr", {}, h("th", { scope: "row" }, name, note && h("small", {}, note)), inputs.map((input) => h("td", {}, input)), total ? sum : h("td", {}));

  function update() {
    const now = values();
    inputs.forEach((input, place) => {
      if (document.activeElement === input || input.hasAttribute("aria-invalid")) return;
      input.value = now && now[place] !== null ? editable(now[place]) : "";
    });
    if (now && total) sum.textContent = number(sumOf(now), 3);
  }

  return { element, update };
}

/** A cell's value; NaN if it is none, null if it is empty and may be. */
function valueOf(text, least, isEmptyZero) {
  if (text.trim() === "") return isEmptyZero ? 0 : null;
  const isBelow = /^\s*[-\u2212]/.test(text);
  const value = parseAmount(text.replace(/^\s*[-\u2212]/, "")) * (isBelow ? -1 : 1);
  return value >= least && value <= LARGEST ? value : NaN;
}

function sums(planning) {
  const rows = planning.channels.filter((channel) => channel.inBudget).map((channel) => periodsOf(planning, channel.name));
  if (!rows.every(Boolean)) return;
  const totals = planning.dates.map((_, place) => sumOf(rows.map((row) => row[place])));
  for (const cell of find("weekly-table").querySelectorAll("[data-sum]")) {
    const value = cell.dataset.sum === "all" ? sumOf(totals) : totals[Number(cell.dataset.sum)];
    cell.textContent = number(value, 3);
  }
}

/** Period by period as a spreadsheet reads it: a column for each channel. */
function weeklyCsv(planning) {
  const names = planning.channels.map((channel) => channel.name);
  const rows = names.map((name) => periodsOf(planning, name));
  const lines = planning.dates.map((date, place) => [date, ...rows.map((row) => row[place])]);
  return csvText([["date", ...names], ...lines]);
}

function wire(planning) {
  const stem = `plan_${planning.brand}_${planning.market}`;
  const said = (text, mood = "bad", details = []) => fill(find("weekly-said"), text && h("div", { class: `message ${mood}` },
    h("p", {}, readable(text)), details.length > 0 && h("ul", {}, details.map((line) => h("li", {}, readable(line))))));
  const refuse = (error) => {
    if (!(error instanceof api.Refusal)) throw error;
    said(error.message, "bad", error.details);
  };
  said("");
  find("weekly-csv").onclick = () => saveAnswered(planning, `${stem}_by_${planning.period}.csv`, "text/csv;charset=utf-8", weeklyCsv, said);
  find("weekly-xlsx").onclick = () => api.workbook(planning.brand, planning.market, scenarioRequest(planning.plan))
    .then((file) => save(`${stem}.xlsx`, file.type, file)).catch(refuse);
  find("weekly-even").onclick = () => { said(""); planning.spreadEvenly(); };
  find("weekly-reset").onclick = () => { said(""); planning.clearSpread(); };
  find("weekly-file").onchange = async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    try {
      const found = await api.planFile(planning.brand, planning.market, file);
      await planning.takeFile(found);
      said(`${file.name}: ${found.channels.length} of ${planning.channels.length} channels read, ${found.dates.length} ${planning.period}s${found.regions.length ? `, ${found.regions.length} regions` : ""}.`, "good");
    } catch (error) {
      refuse(error);
    }
  };
}
