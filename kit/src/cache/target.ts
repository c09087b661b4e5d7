import { ConfigError, textOf } from "../errors/mod.ts";

/** What is to be invalidated: keys, everything that carries one of the tags, or all there is. */
export type Target =
  | { readonly keys: readonly string[] }
  | { readonly tags: readonly string[] }
  | { readonly all: "entries" };

/** How to invalidate. */
export interface InvalidateOptions {
  /** `hard` (default): gone. `soft`: no longer fresh, but may still be served while it is loaded anew, as long as it could be when stale. */
  readonly mode?: "hard" | "soft" | undefined;
  /** Only entries with a smaller version stamp, and those without one. With `keys` only. Default: whatever the version. */
  readonly olderThan?: number | undefined;
}

/** An invalidation with its defaults. */
export interface Invalidation {
  readonly target: Target;
  readonly mode: "hard" | "soft";
  readonly olderThan: number | undefined;
}

/** Longest key or tag, in UTF-16 code units. */
const keyLengthMax = 512;

/** Throws {@link ConfigError}. */
export function invalidationOf(target: Target, options: InvalidateOptions = {}): Invalidation {
  const { mode = "hard", olderThan } = options;
  const { keys, tags, all }: { readonly [name in "keys" | "tags" | "all"]?: unknown } = target;
  // What cannot be read must not end as an invalidation of something else.
  if (!Array.isArray(keys) && !Array.isArray(tags) && all !== "entries")
    throw new ConfigError("target", target, 'keys or tags in an array, or all: "entries"');
  if (olderThan !== undefined && !("keys" in target))
    throw new ConfigError("olderThan", olderThan, "given with keys only");
  return { target, mode, olderThan };
}

/** Throws {@link ConfigError}. */
export function keyOf(key: string): string {
  return textOf("key", key, { lengthMax: keyLengthMax });
}
