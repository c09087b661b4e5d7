import type { Clock } from "../../clock/mod.ts";
import { begin, bound, statement, type Bound } from "../../drivers/postgres/mod.ts";
import { applyList, extendLeases } from "./apply-list.ts";
import { addClaim, type DueMessages, loadDue, loadForDue, moveDue } from "./claim.ts";
import { flush } from "./flush.ts";
import { type Loading, loadPlan } from "./load.ts";
import type { Names } from "./names.ts";
import { type Call, Plan } from "./plan.ts";
import { Quick } from "./quick.ts";
import type { QuickStatements } from "./quick.sql.ts";
import { type Runner, Script } from "./script.ts";
import type { ServerClock } from "../server-clock.ts";
import type { Statements } from "./statements.sql.ts";
import { Work } from "./work.ts";

/** What the transactions of an engine share. */
export interface Shared {
  readonly sql: Statements;
  readonly quick: QuickStatements;
  readonly names: Names;
  readonly clock: Clock;
  /** Set where the engine's clock is the server's. */
  readonly serverClock: ServerClock | undefined;
  readonly schema: string;
  /** Runs statements in transactions of their own. */
  readonly outside: Runner;
}

/** Calls that were carried out in a transaction, which is still open. Their answers count once it is committed. */
export interface CarriedOut {
  readonly work: Work;
  /** What must still be sent, before or with COMMIT. */
  readonly script: Script;
  readonly writes: "maybe" | "none";
  /** What reads the lists that the server has noted, where the answers themselves are lost. */
  readonly noted?: readonly ((list: readonly string[]) => void)[];
}

const readClock: Bound = bound(statement("select floor(extract(epoch from clock_timestamp()) * 1000)::bigint"));

/**
 * Carries out calls in their order, as one transaction: all that they name is locked and read in one round trip, the lists are judged and applied in
 * memory one after the other, and what changed is written together. Only a claim needs the server in between.
 */
export async function carryOut(
  shared: Shared,
  calls: readonly Call[],
  place: { readonly runner: Runner; readonly shard: number; readonly transaction: "begin" | "open" },
): Promise<CarriedOut> {
  const { sql, names, clock, schema } = shared;
  const plan = new Plan(calls);
  await names.learn(plan, shared.outside);
  const script = new Script();
  const work = new Work(clock.now());
  const loading: Loading = { sql, known: names, work, script, schema };
  if (place.transaction === "begin") addBegin(shared, script);
  loadPlan(loading, plan);
  const due = loadDue(loading, plan);
  await script.run(place.runner);
  loadForDue(loading, due, plan);
  await script.run(place.runner);
  await applyCalls({ loading, shard: place.shard, names, due }, calls, place.runner);
  for (const queue of work.queues.values()) if (queue.isKnown) names.rememberUse(queue.name);
  for (const { id, queue } of work.handedOut) names.rememberKey(id, queue.id, null);
  const hasClaims = plan.claimed.size > 0;
  flush({ sql, work, script, shard: place.shard });
  return { work, script, writes: hasClaims || !script.isEmpty ? "maybe" : "none" };
}

/**
 * The same in one round trip, without locking and reading first: the server refuses all of it when anything is not as the lists expect.
 * `undefined` when the calls need care. Nothing has been sent; it is one transaction without a BEGIN.
 */
export function carryOutQuickly(shared: Shared, calls: readonly Call[], shard: number): CarriedOut | undefined {
  const { sql, names, clock, schema } = shared;
  const script = new Script();
  const work = new Work(clock.now());
  const loading: Loading = { sql, known: names, work, script, schema };
  const quick = new Quick({ loading, quick: shared.quick, shard, handedOut: names.rememberKey.bind(names) });
  if (!quick.take(calls)) return undefined;
  if (shared.serverClock?.isStale === true) addClock(shared.serverClock, script);
  quick.send();
  flush({ sql, work, script, shard });
  return { work, script, writes: quick.writes, noted: quick.noted };
}

function addBegin({ serverClock }: Shared, script: Script): void {
  script.add(begin);
  if (serverClock !== undefined) addClock(serverClock, script);
}

function addClock(serverClock: ServerClock, script: Script): void {
  const sentMs = serverClock.monotonic();
  script.add(readClock, ({ rows }) =>
    serverClock.anchor(Number(rows[0]?.[0]), { sentMs, receivedMs: serverClock.monotonic() }),
  );
}

interface Applying {
  readonly loading: Loading;
  readonly shard: number;
  readonly names: Names;
  readonly due: ReadonlyMap<string, DueMessages>;
}

async function applyCalls(
  { loading, shard, names, due }: Applying,
  calls: readonly Call[],
  runner: Runner,
): Promise<void> {
  const { work, script } = loading;
  const handedOut = names.rememberKey.bind(names);
  for (const call of calls) {
    if (call.kind === "claim") {
      moveDue(work, call.request, due.get(call.request.queue));
      addClaim({ loading, shard, handedOut }, call.request, (result) => (call.answer = result));
      continue;
    }
    // What a claim has handed out may concern those behind it.
    await script.run(runner);
    if (call.kind === "commit") call.answer = applyList(work, call.changes);
    else call.answer = extendLeases(work, call.receipts, call.leaseMs);
  }
}
