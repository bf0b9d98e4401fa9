/**
 * The page: navigation, signing in, errors, and the place where a view is shown.
 *
 * The contract of a view
 * ----------------------
 * A view is one module `views/<name>.js`. It default-exports a subclass of `View` (view.js), which is registered as
 * `console-<name>`, and it is a line of `VIEWS` below. The module is loaded when the view is opened for the first time.
 *
 * The shell makes the element, sets `hub` (hub.js: calls with the credential, problems as errors, `hub.can(scope)`) and
 * `state` (state.js: the URL as view, path and query), and appends it. When the URL changes and the view stays, `state` is set
 * again. Every state is a link: what a view shows follows from `state` alone, and it changes by `go` or `new State(…).href`.
 * `signal` is aborted when the view ends, and the signal of `show` when its state does. Errors that a view does not show itself
 * go to `this.fail(error)`.
 *
 * A view is not in the navigation without one of its `scopes`. Within a view, what needs another scope is left out unless
 * `hub.can(scope)`: without `admin` there is no button that changes anything.
 *
 * Elements are made by `h` (dom.js), never of strings of markup. Styles are in console.css, by classes and custom properties.
 * What several views show is in widgets/.
 *
 * @module
 */

import { credential, forget, keep } from "./session.js";
import { Hub } from "./hub.js";
import { SignIn } from "./sign-in.js";
import { State } from "./state.js";
import { fill, h } from "./dom.js";
import { errorNotice } from "./widgets/notice.js";

/** The views in the order of the navigation: name, title, and the scopes of which one is needed. */
const VIEWS = [
  { name: "tail", title: "Live", scopes: ["subscribe"] },
  { name: "streams", title: "Streams", scopes: ["read"] },
  { name: "timeline", title: "Timeline", scopes: ["read"] },
  { name: "subscriptions", title: "Subscriptions", scopes: ["subscribe", "admin"] },
  { name: "rules", title: "Rules", scopes: ["subscribe", "admin"] },
  { name: "dead-letters", title: "Dead letters", scopes: ["admin"] },
  { name: "operations", title: "Operations", scopes: ["admin"] },
];

class Shell extends HTMLElement {
  #hub;
  #configuration;
  /** The view that is shown. @type {HTMLElement | undefined} */
  #view;
  /** Counts what the page shows: a module that is loaded late is not shown in place of what came after. */
  #shown = 0;
  #main = h("main", { id: "main", tabIndex: -1 });
  #errors = h("div", { class: "errors", role: "alert" });
  #links = h("ul", { class: "views" });
  #account = h("div", { class: "account" });

  async connectedCallback() {
    this.append(
      h("a", { class: "skip", href: "#main", on: { click: (event) => this.#skip(event) } }, "Skip to the content"),
      h("header", { class: "top" },
        h("span", { class: "brand" }, "flunq-eventstore"),
        h("nav", { "aria-label": "Views" }, this.#links),
        this.#account,
      ),
      this.#errors,
      this.#main,
    );
    this.addEventListener("console-error", (event) => this.#failed(event.detail));
    addEventListener("hashchange", () => this.#route());
    await this.#start();
  }

  async #start() {
    fill(this.#errors);
    try {
      this.#configuration ??= await Hub.configuration();
      const hub = new Hub(this.#configuration, credential());
      if (this.#configuration.auth === "iam") return this.#showMessage(
        "This hub asks for requests that are signed by AWS IAM, which a page cannot do. Set Auth to jwt or key to use the console.");
      if (this.#configuration.auth !== "none" && !hub.signedIn) return this.#signIn();
      await hub.discover();
      this.#hub = hub;
    } catch (error) {
      if (error.status === 401) return this.#signIn(error.detail);
      // A credential that no request can carry fails each time.
      fill(this.#main, h("p", { class: "actions" },
        h("button", { type: "button", on: { click: () => this.#start() } }, "Try again"),
        credential() !== undefined && h("button", { type: "button", on: { click: () => this.#signOut() } }, "Sign out")));
      this.#failed(error);
      return;
    }
    this.#showAccount();
    await this.#route();
  }

  #signOut() {
    forget();
    this.#start();
  }

  #showMessage(text) {
    fill(this.#links);
    fill(this.#account);
    fill(this.#main, h("p", { class: "notice" }, text));
  }

  #signIn(reason) {
    forget();
    this.#hub = undefined;
    this.#drop();
    fill(this.#links);
    fill(this.#account);
    const form = new SignIn();
    form.auth = this.#configuration.auth;
    form.reason = reason;
    form.addEventListener("console-signed-in", ({ detail }) => {
      keep(detail);
      this.#start();
    });
    fill(this.#main, form);
    document.title = "Sign in – flunq-eventstore";
  }

  #showAccount() {
    const hub = this.#hub;
    fill(
      this.#account,
      h("span", { class: "scopes", title: "What the credential permits" }, hub.scopes.join(", ") || "no scopes"),
      h("a", { href: `${hub.url}/api/v1/docs` }, "API"),
      hub.signedIn && h("button", { type: "button", class: "quiet", on: { click: () => this.#signIn() } }, "Sign out"),
    );
  }

  async #route() {
    if (!this.#hub) return;
    const open = VIEWS.filter((view) => view.scopes.some((scope) => this.#hub.can(scope)));
    const state = location.hash.length > 1 ? State.of(location.hash) : new State(open[0]?.name ?? "");
    const wanted = open.find((view) => view.name === state.view);
    fill(this.#links, open.map((view) => h("li", {}, h("a", {
      href: new State(view.name).href, "aria-current": view === wanted ? "page" : undefined,
    }, view.title))));
    fill(this.#errors);
    if (!wanted) {
      this.#drop();
      const known = VIEWS.some((view) => view.name === state.view);
      fill(this.#main, h("p", { class: "notice" }, open.length === 0
        ? "The credential has no scope: the console can show nothing. Ask for one with read, subscribe or admin."
        : known ? "The credential does not permit this view." : `There is no view ${state.view}.`));
      return;
    }
    document.title = `${[wanted.title, ...state.path].join(" · ")} – flunq-eventstore`;
    if (this.#view?.localName === `console-${wanted.name}`) {
      this.#view.state = state;
      return;
    }
    this.#drop();
    fill(this.#main, h("p", { class: "loading" }, "Loading …"));
    const shown = this.#shown;
    try {
      const { default: View } = await import(`./views/${wanted.name}.js`);
      if (shown !== this.#shown) return;
      const view = new View();
      view.hub = this.#hub;
      view.state = state;
      this.#view = view;
      fill(this.#main, view);
    } catch (error) {
      if (shown === this.#shown) this.#failed(error);
    }
  }

  #drop() {
    this.#shown += 1;
    this.#view = undefined;
    fill(this.#main);
  }

  #failed(error) {
    if (error.status === 401 && this.#configuration?.auth !== "none") return this.#signIn(error.detail);
    fill(this.#errors, errorNotice(error, { close: () => fill(this.#errors) }));
  }

  #skip(event) {
    event.preventDefault();
    this.#main.focus();
  }
}

customElements.define("console-shell", Shell);
