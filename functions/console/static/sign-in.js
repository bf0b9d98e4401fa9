/** The form for a key or a token. */

import { fill, h } from "./dom.js";

/** Dispatches `console-signed-in` with what was entered. */
export class SignIn extends HTMLElement {
  /** The hub's AUTH. */
  auth = "key";
  /** Why the credential before was refused. @type {string | undefined} */
  reason;

  connectedCallback() {
    const field = h("input", { type: "password", id: "credential", name: "credential", required: true, autocomplete: "off", spellcheck: false });
    const what = this.auth === "jwt" ? "Token" : "API key or token";
    fill(this,
      h("form", { class: "sign-in card", on: { submit: (event) => this.#submit(event, field) } },
        h("h1", {}, "Sign in"),
        this.reason && h("p", { class: "notice bad", role: "alert" }, this.reason),
        h("label", { for: "credential" }, what),
        field,
        h("p", { class: "hint" }, "It is kept in this tab until you sign out or close it, and sent to this hub only."),
        h("button", { type: "submit", class: "primary" }, "Sign in"),
      ));
    field.focus();
  }

  #submit(event, field) {
    event.preventDefault();
    const detail = field.value.trim().replace(/^Bearer\s+/i, "");
    if (detail) this.dispatchEvent(new CustomEvent("console-signed-in", { detail }));
  }
}

customElements.define("console-sign-in", SignIn);
