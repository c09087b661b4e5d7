import type { CronFields } from "./cron-fields.ts";

// Days that exist come back within 40 years (29 February on a given weekday, across a year 2100 without one).
const yearsMax = 41;

/** The first matching second after `local`, both as milliseconds of a calendar without time zone (UTC arithmetic); `undefined` if there
 *  is none. Pure. Cost: a few steps an order of magnitude of the wait, at most about 15,000. */
export function nextLocal(fields: CronFields, local: number): number | undefined {
  let at = Math.floor(local / 1_000) * 1_000 + 1_000;
  const endYear = new Date(at).getUTCFullYear() + yearsMax;
  for (;;) {
    const date = new Date(at);
    const year = date.getUTCFullYear();
    if (year > endYear) return undefined;
    if (!fields.months.includes(date.getUTCMonth() + 1)) {
      at = Date.UTC(year, date.getUTCMonth() + 1, 1);
      continue;
    }
    const midnight = Date.UTC(year, date.getUTCMonth(), date.getUTCDate());
    const found = isDay(fields, date) ? nextInDay(fields, at - midnight) : undefined;
    if (found !== undefined) return midnight + found;
    at = midnight + dayMs;
  }
}

const dayMs = 86_400_000;

function isDay(fields: CronFields, date: Date): boolean {
  const monthFits = fields.daysOfMonth.includes(date.getUTCDate());
  const weekFits = fields.daysOfWeek.includes(date.getUTCDay());
  return fields.days === "either" ? monthFits || weekFits : monthFits && weekFits;
}

/** The first matching time of day at or after `fromMs`, in milliseconds since midnight. */
function nextInDay({ hours, minutes, seconds }: CronFields, fromMs: number): number | undefined {
  const total = Math.floor(fromMs / 1_000);
  const from = [Math.floor(total / 3_600), Math.floor(total / 60) % 60, total % 60] as const;
  for (const hour of hours) {
    if (hour < from[0]) continue;
    for (const minute of minutes) {
      if (hour === from[0] && minute < from[1]) continue;
      const isFirst = hour === from[0] && minute === from[1];
      const second = seconds.find((candidate) => !isFirst || candidate >= from[2]);
      if (second !== undefined) return ((hour * 60 + minute) * 60 + second) * 1_000;
    }
  }
  return undefined;
}
