/** Elements without markup in strings: what an event contains is never parsed as HTML. */

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Record<string, any>} [properties] `class`, `data` (an object), `on` (an object of listeners), `aria-…`, `role` and
 *   `for` are set as attributes; `false` and `undefined` leave one out, and `true` sets it empty. All others are properties.
 * @param {...(Node | string | number | null | undefined | false | any[])} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  set(element, properties);
  element.append(...nodes(children));
  return element;
}

/** The same for SVG, whose properties are all attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") listen(element, value);
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...nodes(children));
  return element;
}

/** Replace the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

const ATTRIBUTE = /^(aria-.*|class|role|for|list|scope|form|href|datetime)$/;

function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "on") listen(element, value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (!ATTRIBUTE.test(name)) element[name] = value;
    else if (name.startsWith("aria-") || value !== false) element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
  }
}

function listen(element, listeners) {
  for (const [type, listener] of Object.entries(listeners)) element.addEventListener(type, listener);
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
