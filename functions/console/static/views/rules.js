/** Rules: durable subscriptions with a target. */

import { DurableView } from "../durable/view.js";

export default class Rules extends DurableView {
  static isRule = true;
  static title = "Rules";
  static none = "There is no rule. “eventstore rules create” makes one.";
}

customElements.define("console-rules", Rules);
