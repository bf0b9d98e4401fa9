/** The button below a list that has another page. */

import { h } from "../dom.js";

/**
 * A button that loads the next page: once, unless that fails.
 *
 * @param {import("../view.js").View} view
 * @param {AbortSignal} signal That of the state whose list it is.
 * @param {() => Promise<void>} load Loads the page, and shows the list with another button.
 */
export function moreButton(view, signal, load) {
  const button = h(
    "button",
    {
      type: "button",
      on: {
        click: async () => {
          button.disabled = true;
          try {
            await load();
          } catch (error) {
            view.fail(error, signal);
          } finally {
            button.disabled = false;
          }
        },
      },
    },
    "Load more",
  );
  return button;
}
