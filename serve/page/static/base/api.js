// The HTTP service. Addresses are relative, so the page works under any route prefix.

const KEY = "mmm-token";
const LONGEST_WAIT_S = 10;

/** An answer other than a good one: what went wrong, and each thing to correct. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The service answered ${status}.`);
    this.status = status;
    this.title = problem.title;
    this.clashes = problem.clashes ?? [];
    this.details = (problem.errors ?? problem.problems ?? []).map(lineOf);
  }
}

/** One thing to correct, with the field it concerns. */
function lineOf(entry) {
  if (typeof entry === "string") return entry;
  const where = entry.path ?? entry.where ?? entry.field ?? entry.pointer ?? "";
  const what = entry.message ?? entry.detail ?? entry.msg ?? "";
  return where && !what.startsWith(where) ? `${where}: ${what}` : what;
}

let askToken = async () => null;

/** How to ask the user for a token; gets a sentence and answers with the token or null. */
export function onTokenNeeded(ask) {
  askToken = ask;
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const forgetToken = () => sessionStorage.removeItem(KEY);

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function send(path, body) {
  const token = sessionStorage.getItem(KEY);
  const isFile = body instanceof Blob;
  const headers = { Accept: "*/*" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
  const asked = { method: body ? "POST" : "GET", headers, cache: "no-store", body: isFile ? body : body && JSON.stringify(body) };
  try {
    return await fetch(path, asked);
  } catch {
    throw new Refusal(0, {
      title: "The service cannot be reached",
      detail: "The planning service does not answer. Check the connection, then try again.",
    });
  }
}

let asking = null;

/** Ask once however many requests wait for the answer. */
function tokenFor(text) {
  asking ??= askToken(text).finally(() => { asking = null; });
  return asking;
}

async function ask(path, body, read = (answer) => answer.json(), attempt = 0) {
  const sent = sessionStorage.getItem(KEY);
  const answer = await send(path, body);
  if (answer.ok) return read(answer);
  if (answer.status === 401) {
    if (sessionStorage.getItem(KEY) === sent) {
      forgetToken();
      const text = sent ? "This token was not accepted. Check it, or ask for a new one." : "";
      const given = await tokenFor(text);
      if (!given) throw new Refusal(401, { title: "A token is needed", detail: "Reload the page to enter one." });
      sessionStorage.setItem(KEY, given);
    }
    return ask(path, body, read, attempt);
  }
  if ((answer.status === 503 || answer.status === 429) && attempt < 3) {
    await pause(Math.min(Number(answer.headers.get("Retry-After")) || 1, LONGEST_WAIT_S));
    return ask(path, body, read, attempt + 1);
  }
  throw new Refusal(answer.status, await problemOf(answer));
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return typeof problem.detail === "string" || problem.title ? problem : { ...problem, detail: undefined };
  } catch {
    return {};
  }
}

const at = (brand, market, what) =>
  `v1/models/${encodeURIComponent(brand)}/${encodeURIComponent(market)}${what}`;

export const models = async () => (await ask("v1/models")).models;
export const model = (brand, market) => ask(at(brand, market, ""));
export const scenario = (brand, market, request) => ask(at(brand, market, "/scenario"), request);
export const optimize = (brand, market, request) => ask(at(brand, market, "/optimize"), request);
const pinned = (version) => (version === null ? "" : `?version=${encodeURIComponent(version)}`);
export const commit = (brand, market, plan, version) => ask(at(brand, market, `/commit${pinned(version)}`), plan, (answer) => answer.blob());
export const variance = (brand, market, file, version) => ask(at(brand, market, `/variance${pinned(version)}`), file);
export const portfolio = (request) => ask("v1/portfolio/optimize", request);
export const planFile = (brand, market, file) => ask(at(brand, market, `/plan-file?name=${encodeURIComponent(file.name)}`), file);
export const workbook = (brand, market, request) => ask(at(brand, market, "/scenario?format=xlsx"), request, (answer) => answer.blob());
