/** The credential of this tab: kept in `sessionStorage`, which no other tab reads and which ends with this one. */

const KEY = "eventstore-console-credential";

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
