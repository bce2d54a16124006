// The page: which market is planned, its address, tabs, downloads and tokens.

import * as api from "./base/api.js";
import { darkness } from "./base/colours.js";
import { debounce, fill, find, h, options, typing } from "./base/dom.js";
import { warmUp } from "./base/figures.js";
import { label, listing, readable, subject } from "./base/format.js";
import { askForToken } from "./base/token.js";
import { buyingTable } from "./market/buying.js";
import { channelList } from "./market/channels.js";
import { brief, showAssumptions, showModel } from "./market/checks.js";
import { showComparison } from "./market/compare.js";
import { curveCharts } from "./market/curves.js";
import { csvOf, jsonOf, save, saveAnswered } from "./market/download.js";
import { showFrontier } from "./market/frontier.js";
import { holdRecords, keep, showHistory } from "./market/history.js";
import { fromFragment, toFragment } from "./market/link.js";
import { MOST_SAVED } from "./market/plan.js";
import { Planning } from "./market/planning.js";
import { preparePaper, printPlan } from "./market/paper.js";
import { questionForm } from "./market/question.js";
import { regionTable } from "./market/regions.js";
import { showResult } from "./market/result.js";
import { weeklyTable } from "./market/weekly.js";
import { openPortfolio } from "./portfolio.js";

const ADDRESS_PAUSE_MS = 200;

let entries = [];
let planning = null;
let updates = [];
let tab = "market";

/** Say something above the page; nothing clears it. */
function notice(text = "", mood = "warn", ...more) {
  fill(find("notice"), text && h("div", { class: `message ${mood}` }, h("p", {}, text), more));
}

function explain(error) {
  const details = error.details?.length ? h("ul", {}, error.details.map((line) => h("li", {}, readable(line)))) : null;
  const again = h("div", { class: "actions" },
    h("button", { onclick: start }, "Try again"),
    error.status === 403 && api.hasToken() && h("button", { onclick: () => { api.forgetToken(); start(); } }, "Use another token"));
  notice(readable(error.message), "bad", details, again);
  find("verdict").textContent = error.title ?? "Something went wrong.";
}

/** Load the list of models and open what the address asks for. */
async function start() {
  notice();
  try {
    entries = await api.models();
    if (!entries.length) throw new Error("No model is being served yet. Fit and register one, then reload this page.");
    await visit(fromFragment(location.hash));
  } catch (error) {
    explain(error);
  }
  find("forget").hidden = !api.hasToken();
}

async function visit(wanted) {
  const asked = entries.find((one) => one.brand === wanted.brand && one.market === wanted.market);
  const entry = asked ?? entries.find((one) => one.brand === wanted.brand) ?? entries[0];
  const missed = !asked && wanted.brand !== null;
  await open(entry, asked ? wanted.plan : null);
  if (missed) notice(`There is no model for ${wanted.brand} in ${wanted.market ?? "that market"}, or your token does not cover it.`);
  else if (wanted.broken) notice("The plan in this link could not be read; you see what is spent now.");
  else warnOfChange(wanted.version);
  show(wanted.tab);
}

/** A shared plan may be older than the model. */
function warnOfChange(version) {
  const lost = planning.strangers ?? [];
  const texts = [
    version && planning.version && version !== planning.version && `This link was made with version ${brief(version)} of the model; the figures now come from version ${brief(planning.version)}.`,
    lost.length && `The model no longer has ${listing(lost.map(label))}; ${lost.length > 1 ? "they were" : "it was"} left out.`,
  ].filter(Boolean);
  if (texts.length) notice(texts.join(" "));
}

/** Open a market, with a plan if there is one. */
async function open(entry, plan = null) {
  notice();
  pickers(entry);
  const mine = new Planning(entry, plan, {
    show: () => { if (planning === mine) refresh(); },
    rebuild: () => { if (planning === mine) build(); },
    newer: (version) => { if (planning === mine) reopen(entry, version); },
  });
  planning = mine;
  updates = [];
  find("panel-market").inert = true;
  try {
    await mine.open();
  } finally {
    if (planning === mine) find("panel-market").inert = false;
  }
}

async function reopen(entry, version) {
  const goOn = typing(find("panel-market"));
  await open({ ...entry, version }, planning.plan).catch(explain);
  goOn();
  notice(`Version ${brief(version)} of the model has taken over; all figures are from it now.`, "good");
}

/** Build what depends on the market's channels, then show its figures; who types in a field goes on typing. */
function build() {
  const goOn = typing(find("panel-market"));
  showModel(planning);
  updates = [questionForm(planning, optimize), channelList(planning), curveCharts(planning), weeklyTable(planning), regionTable(planning), buyingTable(planning)];
  showHistory(planning, history);
  holdRecords(planning);
  find("panel-market").classList.remove("loading");
  refresh();
  goOn();
  document.documentElement.dataset.first ??= String(Math.round(performance.now()));
  warmUp();
}

function refresh() {
  if (!updates.length) return;
  showResult(planning);
  showFrontier(planning);
  showAssumptions(planning);
  for (const update of updates) update();
  showComparison(planning, { rename: (...given) => planning.rename(...given), remove: (id) => planning.remove(id), load });
  find("scenario-name").placeholder = planning.nextName();
  remember();
}

const remember = debounce(() => {
  const plan = planning?.channels && !planning.isFresh() ? planning.plan : null;
  window.history.replaceState(null, "", `#${toFragment({ ...planning, plan, tab })}`);
}, ADDRESS_PAUSE_MS);

function pickers(entry) {
  const brands = [...new Set(entries.map((one) => one.brand))].sort();
  const markets = entries.filter((one) => one.brand === entry.brand).map((one) => one.market).sort();
  options(find("brand"), brands.map((name) => [name, subject(name)]), entry.brand);
  options(find("market"), markets.map((name) => [name, label(name)]), entry.market);
  find("pick").classList.remove("loading");
}

async function optimize() {
  await planning.optimize();
  find("said").scrollIntoView({ block: "nearest" });
}

function load(id) {
  planning.load(id);
  find("verdict").scrollIntoView({ block: "nearest" });
}

/** What is done with plans that were kept. */
const history = {
  open: (plan) => open(planning.entry, { ...plan, saved: plan.horizon === planning.plan.horizon ? planning.plan.saved : [] }).then(() => find("verdict").scrollIntoView({ block: "nearest" })).catch(explain),
  compare: (plan) => { if (planning.plan.saved.length < MOST_SAVED) planning.compare(plan); },
  commit: (plan, name) => commit(plan, name),
};

/** Show one of the two tabs. */
function show(name) {
  tab = name;
  for (const one of ["market", "portfolio"]) {
    const chosen = one === name;
    find(`tab-${one}`).setAttribute("aria-selected", String(chosen));
    find(`tab-${one}`).tabIndex = chosen ? 0 : -1;
    find(`panel-${one}`).hidden = !chosen;
  }
  find("pick").hidden = find("provenance").hidden = name !== "market";
  if (name === "portfolio") openPortfolio(entries, { explain, openPlan });
  if (planning) remember();
}

/** A market's part of a portfolio plan, opened. */
async function openPlan(entry, horizon, amounts) {
  show("market");
  await open(entry, { horizon, amounts }).catch(explain);
  scrollTo({ top: 0 });
}

async function share() {
  window.history.replaceState(null, "", `#${toFragment({ ...planning, plan: planning.plan, tab })}`);
  const box = find("shared");
  try {
    await navigator.clipboard.writeText(location.href);
    fill(box, h("p", { class: "message good", role: "status" }, "Link copied. Whoever may use this service sees this plan and these scenarios."));
  } catch {
    const field = h("input", { type: "text", readonly: true, value: location.href, "aria-label": "Link to this plan" });
    fill(box, h("p", { class: "message", role: "status" }, "Copy this link: ", field));
    field.select();
  }
}

/** Keep the plan in this browser and lay it beside others, as soon as the answer to it is there. */
async function add() {
  const mine = planning;
  const [wanted, tag] = ["scenario-name", "scenario-label"].map((id) => find(id).value.trim());
  const warn = (text) => fill(find("shared"), h("p", { class: "message warn" }, text));
  fill(find("shared"));
  if (planning.plan.saved.length >= MOST_SAVED) {
    warn(`The comparison holds ${MOST_SAVED} scenarios. Remove one first.`);
    return;
  }
  if (!planning.isAnswered) await planning.evaluate();
  if (planning !== mine) return;
  if (!planning.isAnswered) {
    warn("This plan is not computed, so there is nothing to keep. Ask again, then keep it.");
    return;
  }
  const name = planning.add(wanted);
  if (!keep(planning, name, tag)) warn("It is in the comparison and in the link, but this browser keeps nothing for later visits.");
  find("scenario-name").value = "";
  showHistory(planning, history);
}

/** Hand a plan of record out as a file; what cannot be committed is said. */
async function commit(plan, name) {
  const box = find("shared");
  fill(box, h("p", { class: "message", role: "status" }, `Freezing ${name} …`));
  try {
    const file = await planning.commit(plan);
    save(`${planning.brand}_${planning.market}_${name}.record`, file.type, file);
    fill(box, h("p", { class: "message good", role: "status" }, `${name} is frozen with the model that made it. Keep the file: once its periods have come, it tells here, or by mmm variance, what became of it.`));
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    fill(box, h("div", { class: "message bad", role: "alert" }, h("p", {}, readable(error.message)), error.details.length > 0 && h("ul", {}, error.details.map((line) => h("li", {}, readable(line))))));
  }
}

function wire() {
  find("skip").addEventListener("click", (event) => { event.preventDefault(); find("main").focus(); });
  find("brand").addEventListener("change", () => {
    const entry = entries.filter((one) => one.brand === find("brand").value).sort((a, b) => (a.market < b.market ? -1 : 1))[0];
    open(entry).catch(explain);
  });
  find("market").addEventListener("change", () => {
    open(entries.find((one) => one.brand === find("brand").value && one.market === find("market").value)).catch(explain);
  });
  find("adding").addEventListener("submit", (event) => { event.preventDefault(); add(); });
  const stem = () => `plan_${planning.brand}_${planning.market}`;
  const warn = (text) => fill(find("shared"), h("p", { class: "message warn" }, text));
  find("save-csv").addEventListener("click", () => saveAnswered(planning, `${stem()}.csv`, "text/csv;charset=utf-8", csvOf, warn));
  find("save-json").addEventListener("click", () => saveAnswered(planning, `${stem()}.json`, "application/json", jsonOf, warn));
  find("share").addEventListener("click", share);
  find("print").addEventListener("click", () => printPlan(planning));
  find("forget").addEventListener("click", () => { api.forgetToken(); location.reload(); });
  for (const one of ["market", "portfolio"]) {
    find(`tab-${one}`).addEventListener("click", () => show(one));
    find(`tab-${one}`).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      show(tab === "market" ? "portfolio" : "market");
      find(`tab-${tab}`).focus();
    });
  }
  addEventListener("hashchange", () => visit(fromFragment(location.hash)).catch(explain));
  addEventListener("beforeprint", () => preparePaper(planning));
  darkness.addEventListener("change", () => { if (planning?.channels && planning.answer) build(); });
}

api.onTokenNeeded(askForToken);
wire();
await start();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
