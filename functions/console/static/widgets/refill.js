/** Showing anew what is measured every few seconds, without taking the focus away. */

import { fill } from "../dom.js";

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** Replace the children of an element; what has the focus keeps it, by its place. */
export function refill(element, ...children) {
  const focused =
    element.contains(document.activeElement) && document.activeElement !== element
      ? [...element.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement)
      : -1;
  const scrolled = [...element.querySelectorAll(".scroll")].map(({ scrollLeft }) => scrollLeft);
  fill(element, ...children);
  [...element.querySelectorAll(".scroll")].forEach((part, index) => {
    part.scrollLeft = scrolled[index] ?? 0;
  });
  if (focused >= 0) element.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
  return element;
}
