import { View } from "../view.js";

/** Comes next. */
export default class Tail extends View {}

customElements.define("console-tail", Tail);
