// Scenarios side by side: a column each, with change, interval and what to be careful about.

import { tone } from "../base/colours.js";
import { fill, find, h } from "../base/dom.js";
import { amount, change, number, percent, signedSpan, span, subject } from "../base/format.js";
import { drawCourse, drawGains, drawMix } from "./charts.js";
import { afterwards, gainSide, gained, odds, side, signedMoney } from "./result.js";

/** Columns of the comparison: now, the plan in work, the saved ones. */
export function columnsOf(planning) {
  const { answer, plan } = planning;
  if (!answer || (planning.failure && !planning.isAnswered)) return [];
  return [
    { id: "now", name: "Now, repeated", found: answer.status_quo },
    { id: "plan", name: "Plan in work", found: answer.plan },
    ...plan.saved.filter((one) => answer.saved[one.id]).map((one) => ({ ...one, found: answer.saved[one.id] })),
  ];
}

/** Show table and charts. `act` loads, renames and removes saved scenarios. */
export function showComparison(planning, act) {
  const columns = columnsOf(planning);
  find("compared").classList.toggle("stale", !columns.length);
  if (!columns.length) return;
  if (!find("compared").contains(document.activeElement) || document.activeElement.tagName !== "INPUT") {
    fill(find("compared"), table(columns, planning, act));
  }
  const level = percent(planning.answer.level);
  find("gains-title").textContent = `${subject(planning.kpi)} gained against now, with ${level} interval`;
  find("mix-title").textContent = `Where the money goes, ${planning.currency}`;
  const after = afterwards(planning.answer.plan, planning);
  find("course-title").textContent = `Expected ${planning.kpi} by ${planning.period}, with ${level} interval of the plan${after && `; ${after.replace("of it", "more")}`}`;
  drawGains(columns, planning);
  drawMix(columns, planning);
  drawCourse(planning);
}

function table(columns, planning, act) {
  const money = planning.currency;
  const now = columns[0].found;
  const line = (name, cell) => h("tr", {}, h("th", { scope: "row" }, name), columns.map((column) => cell(column.found)));
  const cell = (value, more, strong = false) => h("td", { class: strong ? "strong" : null }, value, more && h("small", {}, more));
  const against = (show) => (found) => (found === now ? cell("–") : show(found));
  return h("table", {},
    h("caption", { class: "sr" }, "Scenarios side by side"),
    h("thead", {}, h("tr", {}, h("td", {}), columns.map((column) => head(column, act)))),
    h("tbody", {},
      line("Spend", (found) => cell(amount(found.budget, money), found === now ? "" : change(found.budget, now.budget), true)),
      line(`Expected ${planning.kpi}`, (found) => cell(number(found.kpi.mean, 3), [span(found.kpi, 3), small(afterwards(found, planning))], true)),
      line(`${subject(planning.kpi)} gained`, against((found) => cell(gained(found), [signedSpan(found.gain), small(odds(found)), doubt(found)], true))),
      planning.priced && line("Value gained, less extra spend", against((found) => cell(signedMoney(found.profit_gain, money, side(found.profit_gain, found.kpi.mean * planning.answer.kpi_value)), signedSpan(found.profit_gain)))),
      planning.priced && line(`Return on 1\u00a0${money}`, (found) => (found.total_roi ? cell(number(found.total_roi.mean), span(found.total_roi)) : cell("–"))),
      planning.channels.map((channel) => line(dotted(channel), (found) => {
        const row = found.channels.find((one) => one.channel === channel.name);
        const remarks = [found === now ? "" : change(row.spend, channel.current), row.extrapolated ? "beyond experience" : ""];
        return cell(amount(row.spend, channel.unit), remarks.filter(Boolean).join(", "));
      })),
    ),
  );
}

const small = (text) => text && h("small", {}, text);

/** What an interval around zero means. */
const doubt = (found) => gainSide(found) === "open" && h("small", {}, found.gain.mean < 0 ? "the loss may be zero" : "the gain may be zero");

function dotted(channel) {
  const dot = h("span", { class: "dot" });
  dot.style.setProperty("--channel", tone(channel.colour));
  return [dot, " ", subject(channel.name)];
}

function head(column, act) {
  const saved = column.id.startsWith("s");
  if (!saved) return h("th", { scope: "col" }, column.name);
  const name = h("input", {
    value: column.name, maxlength: 60, "aria-label": `Name of scenario ${column.name}`,
    onchange: () => act.rename(column.id, name.value),
  });
  return h("th", { scope: "col" }, name,
    h("span", { class: "tools" },
      h("button", { type: "button", "aria-label": `Load ${column.name} into the plan`, onclick: () => act.load(column.id) }, "Load"),
      h("button", { type: "button", "aria-label": `Remove ${column.name}`, onclick: () => act.remove(column.id) }, "Remove"),
    ));
}
