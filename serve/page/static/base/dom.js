// Elements, and waiting until the user has paused. Texts always become text nodes, never markup.

/** An element: `h("button", {class: "main", onclick: f}, "Optimise")`; properties that are functions listen. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Put new children in the place of an element's old ones. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

/** A table whose cells say what they are: a phone shows every row as a card. */
export function cards(table) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, place) => { cell.dataset.head = heads[place]; });
  table.classList.add("cards");
  return table;
}

export const find = (id) => document.getElementById(id);

/** Options of a select, kept only if they changed. */
export function options(select, entries, chosen) {
  fill(select, entries.map(([value, text]) => h("option", { value }, text)));
  select.value = chosen;
}

/**
 * Note which text field below an element somebody types in; what is returned puts text and selection back into the field
 * of that name, if it was built anew meanwhile.
 */
export function typing(root) {
  const field = document.activeElement;
  const nameOf = (one) => one.id || one.getAttribute("aria-label");
  const isText = root.contains(field) && field.matches("input:not([type]), input[type=text], input[type=number]") && nameOf(field);
  if (!isText) return () => {};
  const [name, text, from, to] = [nameOf(field), field.value, field.selectionStart, field.selectionEnd];
  return () => {
    const own = [...root.querySelectorAll("input")].find((one) => nameOf(one) === name);
    if (!own || own === document.activeElement) return;
    own.focus();
    if (own.value !== text) {
      own.value = text;
      own.dispatchEvent(new Event("input"));
    }
    if (from !== null) own.setSelectionRange(from, to);  // also of text that stayed: Delete is to find it selected
  };
}

/** A function that runs once calls have paused for `wait` ms. */
export function debounce(run, wait) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), wait);
  };
}

/** A function of which one run is under way at a time; calls meanwhile lead to one more run, the latest. */
export function oneAtATime(run) {
  let under = null;
  let again = false;
  return () => {
    again = under !== null;
    under ??= (async () => {
      try {
        do {
          again = false;
          await run();
        } while (again);
      } finally {
        under = null;
      }
    })();
    return under;
  };
}
