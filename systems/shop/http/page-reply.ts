import type { Reply } from "./route.ts";
import type { Page } from "./storefront.ts";

/** A page whose `next` is a path that can be asked as it is, with the same query. */
export function pageReply<T>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  page: Page<T>,
): Reply {
  const { items, next } = page;
  if (next === undefined) return { status: 200, body: { items } };
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  search.set("after", next);
  return { status: 200, body: { items, next: `${path}?${search.toString()}` } };
}
