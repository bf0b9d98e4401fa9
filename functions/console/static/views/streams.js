import { View } from "../view.js";

/** Comes next. */
export default class Streams extends View {}

customElements.define("console-streams", Streams);
