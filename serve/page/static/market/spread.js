// How a channel's amount falls on periods and regions, in the forms that the service takes: a number for each
// period, a number for each region, or for each region a number for each period. None: as in the last periods.

const sum = (values) => values.reduce((total, value) => total + value, 0);
const map = (form, change) => (Array.isArray(form) ? form.map(change)
  : typeof form === "object" ? Object.fromEntries(Object.entries(form).map(([region, own]) => [region, map(own, change)])) : change(form));

/** What a form adds up to. */
export const sumOf = (form) => (Array.isArray(form) ? sum(form) : typeof form === "object" ? sum(Object.values(form).map(sumOf)) : form);

/** A form whose amounts add up to `total`; one of nothing has no shape that could be kept. */
export function scaled(form, total) {
  const now = sumOf(form);
  return now > 0 ? map(form, (value) => value * (total / now)) : null;
}

/** Amounts by period, or null if the form does not tell them. */
export function byPeriod(form) {
  if (Array.isArray(form)) return form;
  const parts = Object.values(form ?? {});
  if (!parts.length || !parts.every(Array.isArray)) return null;
  return parts[0].map((_, place) => sum(parts.map((part) => part[place])));
}

/** Amounts by region, or null. */
export const byRegion = (form) => (form && typeof form === "object" && !Array.isArray(form)
  ? Object.fromEntries(Object.entries(form).map(([region, own]) => [region, sumOf(own)])) : null);

const shares = (amounts) => {
  const total = sum(Object.values(amounts));
  const even = 1 / Object.keys(amounts).length;
  return Object.fromEntries(Object.entries(amounts).map(([region, value]) => [region, total > 0 ? value / total : even]));
};

/** The form with other amounts by period; regions keep their share. */
export function withPeriods(form, periods) {
  const regions = byRegion(form);
  if (!regions) return periods;
  return Object.fromEntries(Object.entries(shares(regions)).map(([region, share]) => [region, periods.map((value) => value * share)]));
}

/** The form with other amounts by region; periods keep their share, where the form has periods. */
export function withRegions(form, regions) {
  const periods = byPeriod(form);
  const total = periods && sum(periods);
  if (!total) return regions;
  return Object.fromEntries(Object.entries(regions).map(([region, value]) => [region, periods.map((one) => (one / total) * value)]));
}

/** Weights by period for a budget request, or null where the form does not tell any. */
export function weightsOf(form) {
  const periods = byPeriod(form);
  return periods && sum(periods) > 0 ? periods : null;
}
