// Keeps the credential for this tab, as the console does, so that one signs in once for both.
(() => {
  // With the path of the hub, as in session.js of the console.
  const KEY = `eventstore-console-credential:${location.pathname.replace(/api\/v1\/docs\/?$/, "")}`;
  const SCHEMES = {
    bearer: { type: "http", scheme: "bearer" },
    apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
  };
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null) ui.authActions.authorize({ bearer: { name: "bearer", schema: SCHEMES.bearer, value: kept } });
  let last = kept ?? undefined;
  ui.getStore().subscribe(() => {
    const authorized = ui.authSelectors.authorized()?.toJS() ?? {};
    const value = Object.keys(SCHEMES).map((name) => authorized[name]?.value).find(Boolean);
    if (value === last) return;
    last = value;
    if (value === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  });
})();
