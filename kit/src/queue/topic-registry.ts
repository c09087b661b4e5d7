import { jsonCodec } from "../codec/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import type { Cell } from "../engine/mod.ts";

/** A subscription as publishers need to know it: where its copies go, and how. */
export interface Subscription {
  readonly name: string;
  readonly queue: string;
  readonly keyConcurrency: number;
  readonly depthMax: number;
  readonly lane: number;
}

/** All subscriptions of a topic lie in one cell, so that one check guards a publish against every change of them. */
export interface Registry {
  readonly version: number | "absent";
  readonly subscriptions: readonly Subscription[];
}

const codec = jsonCodec<readonly Subscription[]>();
// Every publish writes a copy for each of them in one commit.
const subscriptionsMax = 1_000;

export function registryText(subscriptions: readonly Subscription[]): string {
  return codec.encode(subscriptions);
}

/** Escaped, so that no two pairs of names share a queue. */
export function queueOf(topicName: string, subscription: string): string {
  const escaped = topicName.replaceAll("%", "%25").replaceAll(":", "%3A");
  return `topic:${escaped}:${subscription}`;
}

export function registryOf(cell: Cell | undefined): Registry {
  if (cell === undefined) return { version: "absent", subscriptions: [] };
  return { version: cell.version, subscriptions: codec.decode(cell.value) };
}

export function withSubscription(
  subscriptions: readonly Subscription[],
  wanted: Subscription,
): readonly Subscription[] {
  const others = subscriptions.filter((other) => other.name !== wanted.name);
  if (others.length >= subscriptionsMax)
    throw new ConfigError("subscription", wanted.name, `one of at most ${subscriptionsMax} of its topic`);
  return [...others, wanted].toSorted((left, right) => (left.name < right.name ? -1 : 1));
}
