import { writeSync } from "node:fs";
import { systemClock } from "../../clock/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import type { Change, Claim, Engine } from "../mod.ts";
import { note } from "./notes.ts";
import type { OpenCrashEngine } from "./rule.ts";
import { asWhole } from "./whole.ts";

// The program that the crash tests start and kill. Every line it prints is written at once, so that what was told before a kill was told.

/** One line that a child told. */
export interface Told {
  readonly kind: string;
  readonly id?: string;
  readonly token?: number;
  readonly name?: string;
  readonly body?: string;
  readonly position?: number;
  readonly committed?: boolean;
  readonly extended?: boolean;
}

function tell(kind: string, fields: object = {}): void {
  let rest = Buffer.from(`${JSON.stringify({ kind, ...fields })}\n`);
  while (rest.length > 0) rest = rest.subarray(writeSome(rest));
}

/** How many bytes the pipe took: none when it is full, because the parent is slow. */
function writeSome(bytes: Buffer): number {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "EAGAIN") return 0;
    throw error;
  }
}

const queue = "jobs";

/** One of the callers that keep the engine busy: adds, takes, settles, appends and writes, and tells what was acknowledged. */
async function keepBusy(engine: Engine, caller: string): Promise<never> {
  const random = seededRandom(caller);
  for (let n = 0; ; n++) {
    const name = `${caller}-${n}`;
    const added = await engine.commit([
      { op: "enqueue", queue, messages: [{ body: name, key: random.pick([undefined, "a", "b"]) }] },
    ]);
    if (added.committed && added.outcomes[0]?.op === "enqueue")
      tell("added", { id: added.outcomes[0].messages[0]?.id, name });
    const noted = await engine.commit([
      note(engine, `s-${name}`, name),
      { op: "put", cell: { space: "busy", key: name }, expect: "absent", value: name },
      { op: "seen", consumer: "busy", id: name, keepMs: 3_600_000 },
    ]);
    if (noted.committed)
      tell("noted", noted.outcomes[0]?.op === "append" ? { name, position: noted.outcomes[0].position } : { name });
    const { claims } = await engine.claim({ queue, count: 1, leaseMs: 60_000 });
    for (const claim of claims) await settleOne(engine, claim, random.next());
  }
}

async function settleOne(engine: Engine, { receipt }: Claim, die: number): Promise<void> {
  tell("settling", { id: receipt.id, token: receipt.token });
  const as = die < 0.8 ? ({ kind: "ack" } as const) : ({ kind: "retry", delayMs: 0, failure: "again" } as const);
  const { committed } = await engine.commit([{ op: "settle", receipt, as }]);
  if (committed) tell(as.kind === "ack" ? "settled" : "retried", { id: receipt.id, token: receipt.token });
}

/** Works a backlog off; the effect of a job, its inbox entry and its settlement are one commit. */
async function work(engine: Engine): Promise<void> {
  tell("working");
  for (;;) {
    const { claims, nextDueAtMs } = await engine.claim({ queue, count: 8, leaseMs: 1000 });
    for (const { receipt, body } of claims) {
      const { committed } = await engine.commit([
        note(engine, body, receipt.id),
        { op: "settle", receipt, as: { kind: "ack" } },
      ]);
      if (committed) tell("done", { body });
    }
    if (claims.length === 0 && nextDueAtMs === undefined) return tell("idle");
    if (claims.length === 0) await systemClock.sleep(20);
  }
}

async function claimOne(engine: Engine, leaseMs: number): Promise<Claim> {
  const { claims } = await engine.claim({ queue, count: 1, leaseMs, crashesMax: 3 });
  const [claim] = claims;
  if (claim === undefined) throw new Error("nothing to claim");
  return claim;
}

const forever = 3_600_000;

const modes: Readonly<Record<string, (engine: Engine, argument: string) => Promise<void>>> = {
  busy: async (engine, round) => {
    tell("working");
    await Promise.all(Array.from({ length: 16 }, (_, n) => keepBusy(engine, `r${round}c${n}`)));
  },
  work,
  hold: async (engine, leaseMs) => {
    const { receipt } = await claimOne(engine, Number(leaseMs));
    tell("holding", { ...receipt });
    await systemClock.sleep(forever);
  },
  exit: async (engine, leaseMs) => {
    const { receipt } = await claimOne(engine, Number(leaseMs));
    tell("holding", { ...receipt });
    process.abort();
  },
  "effect-then-hold": async (engine, leaseMs) => {
    const { receipt } = await claimOne(engine, Number(leaseMs));
    await engine.commit([{ op: "seen", consumer: "mail", id: receipt.id, keepMs: forever }, note(engine, "sent")]);
    tell("effect", { ...receipt });
    await systemClock.sleep(forever);
  },
  "hold-then-settle": async (engine, leaseMs) => {
    const { receipt } = await claimOne(engine, Number(leaseMs));
    tell("holding", { ...receipt });
    const untilMs = systemClock.monotonic() + 4 * Number(leaseMs);
    // Blocks the event loop, so that nothing in this process could renew the lease.
    while (systemClock.monotonic() < untilMs);
    const result = await engine.commit([note(engine, "late"), { op: "settle", receipt, as: { kind: "ack" } }]);
    const extended = await engine.extend([receipt], Number(leaseMs));
    tell("late", { committed: result.committed, extended: extended[0] });
  },
  lead: async (engine, leaseMs) => {
    const cell = { space: "leaders", key: "billing" };
    const [outcome] = await committed(engine, [
      { op: "put", cell, expect: "absent", value: "child", expiresInMs: Number(leaseMs) },
    ]);
    if (outcome?.op !== "put") throw new Error("no leader");
    for (let n = 0; ; n++) {
      const result = await engine.commit([{ op: "check", cell, expect: outcome.version }, note(engine, `led-${n}`)]);
      if (!result.committed) return tell("deposed");
      if (n === 0) tell("leading", { token: outcome.version });
      await systemClock.sleep(5);
    }
  },
  note: async (engine, caller) => {
    tell("open");
    for (let n = 0; n < 20; n++) {
      await committed(engine, [
        note(engine, `${caller}-${n}`),
        { op: "enqueue", queue, messages: [{ body: `${caller}-${n}` }] },
      ]);
    }
    tell("done");
  },
};

async function committed(engine: Engine, changes: readonly Change[]) {
  const result = await engine.commit(changes);
  if (!result.committed) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.outcomes;
}

const [mode = "", module = "", folder = "", argument = ""] = process.argv.slice(2);
const { openCrashEngine } = (await import(module)) as { readonly openCrashEngine: OpenCrashEngine };
const engine = asWhole(await openCrashEngine(folder));
await modes[mode]?.(engine, argument);
await engine[Symbol.asyncDispose]();
