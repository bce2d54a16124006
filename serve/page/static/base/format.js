// Numbers, intervals, dates and names as people write them; the same rules as the report's.

export const NBSP = "\u00a0";
const MINUS = "\u2212";
const SCALES = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];

const finite = (value) => typeof value === "number" && Number.isFinite(value);

/** Divisor and suffix in which values up to `largest` read well. */
export function scaleOf(largest) {
  for (const [divisor, letter] of SCALES) {
    if (Number.isFinite(largest) && Math.abs(largest) >= divisor) return [divisor, NBSP + letter];
  }
  return [1, ""];
}

/** 1 234 567 as "1.2 M": `digits` significant digits, never fewer than the integer part has. */
export function number(value, digits = 2) {
  if (!finite(value)) return "unknown";
  const rounded = Number(value.toPrecision(Math.max(digits, 1)));
  const [divisor, suffix] = scaleOf(rounded);
  return plain(value / divisor, digits) + suffix;
}

function plain(value, digits) {
  if (value === 0) return "0";
  const decimals = Math.min(9, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
  let text = value.toFixed(decimals);
  if (text.includes(".")) text = text.replace(/0+$/, "").replace(/\.$/, "");
  return text === "-0" ? "0" : text.replace("-", MINUS);
}

/** 0.1234 as "12 %", small ones with a decimal; what is not all of it never reads 100 %. */
export function percent(fraction) {
  if (!finite(fraction)) return "unknown";
  const points = fraction * 100;
  const size = Math.abs(points);
  if (size > 0 && size < 0.1) return `${points > 0 ? "under" : "over"}${NBSP}${points > 0 ? "" : MINUS}0.1${NBSP}%`;
  if (size > 99 && size < 100) return plain((Math.sign(points) * Math.floor(size * 10)) / 10, 3) + `${NBSP}%`;
  return plain(points, size >= 9.95 ? String(Math.trunc(size)).length : 2) + `${NBSP}%`;
}

/** A chance in whole per cent, never certain. */
export const chance = (value) => (finite(value) ? `${Math.min(99, Math.max(1, Math.round(100 * value)))}${NBSP}%` : "unknown");

/** A formatted number with its plus sign. */
export const signed = (text) => (/^(\u2212|under|over|unknown|0(\u00a0%)?$)/.test(text) ? text : `+${text}`);

/** "1.2 M USD". */
export const amount = (value, unit, digits = 3) => `${number(value, digits)}${NBSP}${unit}`;

/** "1.2 to 3.4"; both bounds in one scale's digits. */
export function span(estimate, digits = 2) {
  if (!finite(estimate?.lower) || !finite(estimate?.upper)) return "interval unknown";
  return `${number(estimate.lower, digits)} to ${number(estimate.upper, digits)}`;
}

/** "90 % interval 1.2 to 3.4", or that it is unknown. */
export function interval(estimate, level, show = span) {
  const bounds = show(estimate);
  return finite(estimate?.lower) ? `${percent(level)} interval ${bounds}` : bounds;
}

export function signedSpan(estimate, digits = 2) {
  if (!finite(estimate?.lower) || !finite(estimate?.upper)) return "interval unknown";
  return `${signed(number(estimate.lower, digits))} to ${signed(number(estimate.upper, digits))}`;
}

/** Change against now, for a label: "+12 %", "as now", "from 0". */
export function change(planned, current) {
  if (Math.abs(planned - current) <= 5e-4 * Math.max(Math.abs(current), 1e-9)) return "as now";
  if (!(current > 0)) return "from 0";
  return signed(percent(planned / current - 1));
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "4 Mar 2024" of an ISO date. */
export function day(iso) {
  const parts = /^(\d{4})-(\d{2})-(\d{2})/.exec(iso ?? "");
  return parts ? [Number(parts[3]), MONTHS[Number(parts[2]) - 1], parts[1]].join(NBSP) : "unknown";
}

/** Start of the period that lies `periods` before the one that starts on an ISO date. */
export function before(iso, periods, period) {
  const date = new Date(`${iso}T00:00:00Z`);
  const months = { month: 1, quarter: 3 }[period];
  if (months) date.setUTCMonth(date.getUTCMonth() - months * periods);
  else date.setUTCDate(date.getUTCDate() - ({ day: 1, week: 7, fortnight: 14 }[period] ?? 7) * periods);
  return date.toISOString().slice(0, 10);
}

export const count = (total, noun) => `${group(String(total))}${NBSP}${noun}${total === 1 ? "" : "s"}`;

let labels = {};

/** Take the user's own words for names, from now on. */
export function calledBy(words) { labels = words; }

/** A name inside a sentence: the user's own word for it, else `direct_mail` as "direct mail", `tv` as "TV". */
export function label(name) {
  if (Object.hasOwn(labels, name)) return labels[name];
  const text = name.replaceAll("_", " ").trim();
  return text.length <= 3 && /^\p{L}+$/u.test(text) ? text.toUpperCase() : text;
}

/** A name at the start of a sentence. */
export function subject(name) {
  const text = label(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "a, b and c". */
export function listing(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** An amount to edit: whole, in groups of three; small ones to the cent, what is less than one to six digits. */
export function editable(value) {
  if (!finite(value)) return "";
  const size = Math.abs(value);
  const text = String(Number(size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(2) : value.toPrecision(6)));
  return text.includes("e") ? text : group(text);
}

const group = (text) => {
  const [whole, part] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part === undefined ? grouped : `${grouped}.${part}`;
};

/** What somebody typed as an amount: "1.2 M", "350k", "1 200 000", "1,200,000"; NaN if it is none. */
export function parseAmount(text) {
  const bare = text.replace(/[\s\u00a0\u202f'_]/g, "").replace(/^[A-Za-z]{3}(?=[\d.])|[A-Za-z]{3}$/g, "");
  const found = /^(\d[\d.,]*|\.\d+)([kKmMbBtT]?)$/.exec(bare);
  if (!found) return NaN;
  const value = Number(pointed(found[1]));
  const [scale] = SCALES.find(([, letter]) => letter.toLowerCase() === found[2].toLowerCase()) ?? [1];
  return value * scale;
}

/** Digits with a decimal point and nothing else: commas and points in threes group, others are decimal. */
function pointed(text) {
  if (/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) return text.replaceAll(",", "");
  if (/^\d{1,3}(\.\d{3}){2,}(,\d+)?$/.test(text) || /^\d{1,3}(\.\d{3})+,\d+$/.test(text)) {
    return text.replaceAll(".", "").replace(",", ".");
  }
  return text.replace(",", ".");
}

/** A sentence of the service with its long numbers in groups of three. */
export const readable = (text) =>
  text.replace(/\d{5,}(\.\d+)?/g, (digits) => group(String(Math.round(Number(digits) * 100) / 100).replace(/\.\d+$/, "")));
