/**
 * The credential of this tab: kept in `sessionStorage`, which no other tab reads and which ends with this one. An origin may
 * have several hubs, each below a path of its own: the path is a part of the key.
 *
 * @module
 */

/** `/api/v1/docs` uses the same one (kept_credential.js). */
const KEY = `eventstore-console-credential:${new URL("../..", import.meta.url).pathname}`;

/** What was signed in with, or nothing. @returns {string | undefined} */
export function credential() {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** Keep a key or a token. @param {string} text */
export function keep(text) {
  sessionStorage.setItem(KEY, text);
}

/** Forget it. */
export function forget() {
  sessionStorage.removeItem(KEY);
}
