import type { Committer } from "../engine/mod.ts";
import type { CallGroup } from "./decide-group.ts";
import { rehydrate } from "./rehydrate.ts";
import type { Versioned } from "./rehydration.ts";
import type { StateCache, StreamState } from "./state-cache.ts";
import type { StoreContext } from "./store-context.ts";
import { TransactionStates } from "./transaction-states.ts";

/** Where plans find and leave the states they build on. */
export interface PlanScope {
  readonly context: StoreContext;
  readonly cache: StateCache;
  /** The states are those of an open transaction, which nobody else sees or changes. */
  readonly own: TransactionStates | undefined;
}

const overlays = new WeakMap<Committer, Map<string, TransactionStates>>();

/** The scope of a commit. Inside a transaction it is its own: what was appended there counts there, and nowhere if it rolls back. */
export function scopeOf(context: StoreContext, committer: Committer | undefined): PlanScope {
  if (committer === undefined || committer === context.engine) return { context, cache: context.cache, own: undefined };
  const byLog = overlays.get(committer) ?? new Map<string, TransactionStates>();
  overlays.set(committer, byLog);
  const own = byLog.get(context.log) ?? new TransactionStates();
  byLog.set(context.log, own);
  return { context, cache: own.cache, own };
}

/** Gives the group a state to decide on: the cached one, else the committed one. */
export async function loadGroup(scope: PlanScope, group: CallGroup): Promise<void> {
  const committed = await readCommitted(scope.context, group);
  const read = scope.own?.onto(committed, group.decider, group.stream) ?? committed;
  const known = scope.cache.get(group.stream, group.decider);
  // Another plan may have loaded the stream meanwhile and built on it: joining it avoids a conflict with it.
  if (known !== undefined && known.version >= read.version) group.entry = known;
  else scope.cache.set(group.stream, (group.entry = entryOf(group, read)));
  group.readVersion = read.version;
}

/** Gives the group the committed state, without what other plans have in flight. */
export async function reloadGroup(scope: PlanScope, group: CallGroup): Promise<void> {
  const read = await readCommitted(scope.context, group);
  const known = scope.cache.get(group.stream, group.decider);
  const isKnown = known !== undefined && known.version === read.version && known.confirmedVersion === read.version;
  group.entry = isKnown ? known : entryOf(group, read);
  group.readVersion = read.version;
}

/** The committed state: the cached one brought up to date, else read from the start or a snapshot. */
export function readCommitted(context: StoreContext, group: Pick<CallGroup, "decider" | "stream">): Promise<Versioned> {
  const { decider, stream } = group;
  const cached = context.cache.get(stream, decider);
  const from = cached === undefined ? undefined : { version: cached.confirmedVersion, state: cached.confirmedState };
  return rehydrate(context, { decider, stream, from });
}

function entryOf(group: CallGroup, { version, state }: Versioned): StreamState {
  return { owner: group.decider, version, state, confirmedVersion: version, confirmedState: state };
}
