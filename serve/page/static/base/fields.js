// Fields for amounts: a slider that says what it means, and a text field that reads "1.2 M".

import { h } from "./dom.js";
import { amount, editable, parseAmount } from "./format.js";

const STEPS = 1000;
const STEP = 5;
const LARGEST = 1e13;

/**
 * A text field for an amount. `onset` gets a number, or null when it was emptied and may be.
 * Its `show` puts a value in, unless somebody is typing.
 */
export function amountField({ name, onset, optional = false, id = null, least = 0 }) {
  const input = h("input", { type: "text", inputmode: "decimal", "aria-label": name, id, onchange: set, oninput: () => { editing = true; } });
  let shown = "";
  let editing = false;

  function set() {
    const text = input.value.trim();
    const value = text === "" && optional ? null : parseAmount(text);
    const wrong = value !== null && !(value >= least && value <= LARGEST);
    input.toggleAttribute("aria-invalid", false);
    if (wrong) {
      input.setAttribute("aria-invalid", "true");
      input.title = `Type an amount${optional ? ", or nothing" : ""}, for example 250,000, 250k or 1.2 M.`;
      return;
    }
    input.title = "";
    editing = false;
    const isNew = text !== shown;
    shown = text;
    if (isNew) onset(value);
  }

  function show(value, placeholder = "") {
    input.placeholder = placeholder;
    if (editing) return;
    shown = value === null ? "" : editable(value);
    input.value = shown;
    input.removeAttribute("aria-invalid");
  }

  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    set();
  });
  return { input, show };
}

/** For a form's keydown: Enter in a field takes over what it holds and starts nothing. */
export function enterCommits(event) {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault();
  if (event.target.type === "number") event.target.dispatchEvent(new Event("change"));
}

/** A slider over amounts from 0 to an end that may move; its track shows what is allowed and supported. */
export function amountSlider({ name, unit, oninput }) {
  let end = 1;
  const input = h("input", {
    type: "range", min: 0, max: STEPS, step: STEP, "aria-label": name,
    oninput: () => { say(end * input.value / STEPS); oninput(end * input.value / STEPS); },
  });
  const track = h("div", { class: "track" }, h("span", { class: "allowed" }), h("span", { class: "now" }), input);
  const say = (value) => input.setAttribute("aria-valuetext", amount(value, unit));

  /** Marks are amounts: `now`, `least`, `most` and `supported`. */
  function show(value, newEnd, marks) {
    end = newEnd;
    if (document.activeElement !== input || Math.abs(input.value - (STEPS * value) / end) > STEP) {
      input.value = (STEPS * value) / end;
    }
    say(value);
    for (const [mark, at] of Object.entries(marks)) track.style.setProperty(`--${mark}`, share(at / end, mark));
  }

  const share = (at, mark) => {
    const held = Math.min(1, Math.max(0, at));
    return mark === "supported" ? `${100 * held}%` : String(held);
  };
  return { track, input, show };
}
