/** The form for a key or a token. */

import { fill, h } from "./dom.js";

/** What a header can carry. */
const CREDENTIAL = /^[\x21-\x7e]+$/;

/** Dispatches `console-signed-in` with what was entered. */
export class SignIn extends HTMLElement {
  /** The hub's AUTH. */
  auth = "key";
  /** Why the credential before was refused. @type {string | undefined} */
  reason;

  connectedCallback() {
    const field = h("input", { type: "password", id: "credential", name: "credential", required: true, autocomplete: "off", spellcheck: false });
    const said = h("div", {});
    const what = this.auth === "jwt" ? "Token" : "API key or token";
    fill(this,
      h("form", { class: "sign-in card", on: { submit: (event) => this.#submit(event, field, said) } },
        h("h1", {}, "Sign in"),
        said,
        h("label", { for: "credential" }, what),
        field,
        h("p", { class: "hint" }, "It is kept in this tab until you sign out or close it, and sent to this hub only."),
        h("button", { type: "submit", class: "primary" }, "Sign in"),
      ));
    if (this.reason) refuse(said, this.reason);
    field.focus();
  }

  #submit(event, field, said) {
    event.preventDefault();
    const detail = field.value.trim().replace(/^Bearer\s+/i, "");
    if (CREDENTIAL.test(detail)) this.dispatchEvent(new CustomEvent("console-signed-in", { detail }));
    else refuse(said, "A credential has letters, digits and signs of ASCII only, and no spaces: copy it again, without what is around it.");
  }
}

function refuse(said, reason) {
  fill(said, h("p", { class: "notice bad", role: "alert" }, reason));
}

customElements.define("console-sign-in", SignIn);
