/** Streams: their list, the events of one, one event, and how it differs from another one. */

import { fill } from "../dom.js";
import { View } from "../view.js";
import { EventList } from "../streams/event-list.js";
import { OneEvent } from "../streams/one-event.js";
import { StreamList } from "../streams/stream-list.js";

/** Shows `#/streams`, `#/streams/<stream>` and `#/streams/<stream>/<sequence>`. */
export default class Streams extends View {
  #part;

  show() {
    const Part = [StreamList, EventList, OneEvent][Math.min(this.state.path.length, 2)];
    if (!(this.#part instanceof Part)) {
      this.#part = new Part();
      this.#part.hub = this.hub;
      this.#part.state = this.state;
      fill(this, this.#part);
    } else {
      this.#part.state = this.state;
    }
  }
}

customElements.define("console-streams", Streams);
