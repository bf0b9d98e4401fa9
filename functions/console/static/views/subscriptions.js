/** Durable subscriptions with members. */

import { DurableView } from "../durable/view.js";

export default class Subscriptions extends DurableView {
  static title = "Subscriptions";
  static none = "There is no durable subscription with members. “eventstore subscriptions create” makes one.";
}

customElements.define("console-subscriptions", Subscriptions);
