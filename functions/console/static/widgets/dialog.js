/** Dialogs: a confirmation that says what will happen. */

import { h } from "../dom.js";

/**
 * Ask for a confirmation.
 *
 * @param {{title: string, body: (string | Node)[] | string | Node, action: string, danger?: boolean, typed?: string}} about
 *   `body` says what will happen; `action` is the text of the button; with `typed`, that text has to be entered first.
 * @returns {Promise<boolean>} Whether it was confirmed.
 */
export function confirm({ title, body, action, danger = false, typed }) {
  const field = typed === undefined ? undefined : h("input", { id: "dialog-typed", autocomplete: "off", spellcheck: false });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary", value: "yes", disabled: typed !== undefined }, action);
  field?.addEventListener("input", () => {
    button.disabled = field.value !== typed;
  });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      [body].flat().map((part) => (part instanceof Node ? part : h("p", {}, part))),
      field && h("p", {}, h("label", { for: "dialog-typed" }, "Enter ", h("code", {}, typed), " to confirm"), field),
      h("p", { class: "actions" },
        h("button", { type: "submit", value: "", formNoValidate: true }, "Cancel"),
        button)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
