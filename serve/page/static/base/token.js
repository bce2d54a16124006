// Asks for a token. Where it is kept is the concern of api.js.

import { find } from "./dom.js";

/** The token that the user gave, or null; `refused` says what was wrong with the one before. */
export function askForToken(refused) {
  const dialog = find("token");
  const input = find("token-value");
  const complaint = find("token-refused");
  complaint.hidden = !refused;
  complaint.textContent = refused;
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  input.focus();
  return new Promise((given) => {
    dialog.addEventListener("close", () => {
      const text = input.value.trim();
      input.value = "";
      given(dialog.returnValue === "use" && text ? text : null);
    }, { once: true });
  });
}
