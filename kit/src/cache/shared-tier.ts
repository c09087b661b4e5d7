import type { Invalidation } from "./target.ts";

/** A value as the shared tier keeps it. */
export interface SharedEntry {
  /** `undefined`: it is known that there is no value. */
  readonly body: string | undefined;
  /** For how long from now it is fresh; 0 or less when it is stale. */
  readonly freshMs: number;
  /** For how long from now it may be served at all. */
  readonly keptMs: number;
  readonly tags: readonly string[];
  readonly version: number | undefined;
}

/** The right to fill one key, held by one loader in the fleet, until it is used, given up, cancelled or over. Opaque. */
export type FillToken = string;

/** What the tier has for a key. With a token the asker is the one to load. */
export type SharedRead =
  | { readonly kind: "found"; readonly entry: SharedEntry; readonly token?: FillToken | undefined }
  | { readonly kind: "missing"; readonly token?: FillToken | undefined }
  /** Somebody else is loading; ask again after so long. */
  | { readonly kind: "loading"; readonly retryAfterMs: number };

/** Asks for fill tokens along with a read. */
export interface LeaseRequest {
  /** How long a token is good for, 1 ms to 1 h; then another may load. */
  readonly forMs: number;
  /** For which keys: those without a value and stale ones, or fresh ones too. */
  readonly of: "missing-or-stale" | "any";
}

/**
 * A store of entries that several processes share. Each method is atomic towards each key. The tier orders everything by stamps of
 * its own, never by the time of the machines: a fill is refused, or its entry never shown, when its key, one of its tags, or everything
 * was written or invalidated after the token was given out.
 *
 * Every implementation is held to `ashlar/cache/conformance`. Methods reject when the store cannot be reached.
 */
export interface SharedTier {
  /** One answer a key, in their order. Of those who ask for a lease one gets the token; to the others a stale entry is `found` and a
   *  missing one `loading`. */
  read(keys: readonly string[], lease?: LeaseRequest): Promise<readonly SharedRead[]>;
  /** Stores what was loaded under a token. `refused`: the token is not good any more, or a newer version is there; nothing was stored. */
  fill(key: string, token: FillToken, entry: SharedEntry): Promise<"stored" | "refused">;
  /** Gives a token back unused, so that the next who asks may load. Does nothing when it is not good any more. */
  abandon(key: string, token: FillToken): Promise<void>;
  /** Stores without a token, and cancels the one that is out. `outdated`: an entry with a larger version is there, and stays. */
  write(key: string, entry: SharedEntry): Promise<"stored" | "outdated">;
  /** After it resolves no read shows what was there before (`hard`), or shows it as fresh (`soft`), and no fill begun before is shown. */
  invalidate(invalidation: Invalidation): Promise<void>;
}
