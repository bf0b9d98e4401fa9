/** Where the console and the documentation keep the credential of a tab. */

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const FUNCTIONS = new URL("../../../functions/", import.meta.url);

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-"));
});
after(() => rm(folder, { recursive: true }));

/** The modules of a hub below a path: `session.js`, and the path of its documentation. */
async function hub(path) {
  const console = join(folder, path, "console/0123456789abcdef");
  await mkdir(console, { recursive: true });
  await writeFile(join(console, "package.json"), '{"type": "module"}');
  await cp(new URL("console/static/session.js", FUNCTIONS), join(console, "session.js"));
  const session = await import(pathToFileURL(join(console, "session.js")).href);
  return { session, docs: pathToFileURL(join(folder, path, "api/v1/docs")).pathname };
}

class Storage extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => this.set(key, value);
  removeItem = (key) => this.delete(key);
}

/** Run the script of the documentation at a path; the credentials that it authorizes with. */
async function authorized(pathname, sessionStorage) {
  const found = [];
  const ui = {
    authActions: { authorize: ({ bearer }) => found.push(bearer.value) },
    getStore: () => ({ subscribe: () => {} }),
  };
  const script = await readFile(new URL("rest/openapi/kept_credential.js", FUNCTIONS), "utf8");
  vm.runInNewContext(script, { ui, sessionStorage, location: { pathname } });
  return found;
}

test("the documentation uses the credential of the console of its hub, and of no other hub of the origin", async () => {
  globalThis.sessionStorage = new Storage();
  const [production, staging] = [await hub("production"), await hub("staging")];
  production.session.keep("secret");
  assert.equal(production.session.credential(), "secret");
  assert.equal(staging.session.credential(), undefined);
  assert.deepEqual(await authorized(production.docs, sessionStorage), ["secret"]);
  assert.deepEqual(await authorized(`${production.docs}/`, sessionStorage), ["secret"]);
  assert.deepEqual(await authorized(staging.docs, sessionStorage), []);
  production.session.forget();
  assert.equal(sessionStorage.size, 0);
});
