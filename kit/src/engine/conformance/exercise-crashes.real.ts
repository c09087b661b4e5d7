import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abortable, gate, signalAfter } from "../../abort/mod.ts";
import { systemClock } from "../../clock/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import type { Claim, Engine } from "../mod.ts";
import { auditEngine } from "./audit.ts";
import { ack, add, committed, log, queue, refused, settle, statusOf, storedIn } from "./calls.ts";
import { auditAcknowledged } from "./crash-audit.ts";
import type { Told } from "./crash-child.real.ts";
import { CrashProcess, type CrashProgram } from "./crash-process.real.ts";
import { note, notesOf } from "./notes.ts";
import type { OpenCrashEngine, TestFunction } from "./rule.ts";
import { asWhole } from "./whole.ts";

/** How the crash scenarios run. */
export interface CrashOptions {
  readonly test: TestFunction;
  readonly crash: {
    /** A module that exports `openCrashEngine(folder): Promise<Engine>`, on the system's clock. Imported by every child process. */
    readonly module: URL;
  };
  /** How often a busy process is killed at a random moment. Default 10; about 0.5 s each. */
  readonly kills?: number;
  readonly seed?: number;
}

interface CrashBed {
  readonly engine: Engine;
  readonly program: CrashProgram;
  readonly open: () => Promise<Engine>;
  readonly options: CrashOptions;
}

/** Registers the failure scenarios that need processes: real children work on the engine and are really killed, frozen and let go on.
 *  For engines whose durability is `process` or more and that several processes can share. About 10 s. */
export function exerciseEngineCrashes(name: string, options: CrashOptions): void {
  for (const [rule, run] of Object.entries(scenarios)) options.test(`${name}: ${rule}`, () => withEngine(options, run));
}

async function withEngine(options: CrashOptions, run: (bed: CrashBed) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-crash-"));
  const { openCrashEngine } = (await import(options.crash.module.href)) as {
    readonly openCrashEngine: OpenCrashEngine;
  };
  const opened: Engine[] = [];
  const open = async (): Promise<Engine> => {
    const engine = asWhole(await openCrashEngine(folder));
    opened.push(engine);
    return engine;
  };
  try {
    const program = { module: options.crash.module, folder };
    await run({ engine: await open(), program, open, options });
  } finally {
    for (const engine of opened) await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Claims one message as soon as there is one, as a waiting worker does. */
async function claimSoon(engine: Engine, withinMs: number, crashesMax?: number): Promise<Claim> {
  const untilMs = systemClock.monotonic() + withinMs;
  for (;;) {
    const { claims } = await engine.claim({ queue, count: 1, leaseMs: 60_000, crashesMax });
    if (claims[0] !== undefined) return claims[0];
    assert(systemClock.monotonic() < untilMs, `nothing became claimable within ${withinMs} ms`);
    await systemClock.sleep(10);
  }
}

const leaseMs = 400;
const marginMs = 3000;

const scenarios: Readonly<Record<string, (bed: CrashBed) => Promise<void>>> = {
  "acknowledged work survives kill -9 at any moment, and nothing else is made up": async ({
    engine,
    program,
    open,
    options,
  }) => {
    const random = seededRandom(options.seed ?? 1);
    const told: Told[] = [];
    await engine[Symbol.asyncDispose]();
    for (let round = 0; round < (options.kills ?? 10); round++) {
      await using child = new CrashProcess(program, "busy", round);
      await child.first("noted");
      await systemClock.sleep(random.integer(0, 150));
      await child.kill();
      told.push(...child.told);
    }
    const again = await open();
    await auditEngine(again, [queue], [log]);
    await auditAcknowledged(again, told);
  },

  "scenario 1: a message whose holder is killed comes back within its lease, with its crash counted and its attempt not":
    async ({ engine, program }) => {
      await add(engine, "job");
      await using child = new CrashProcess(program, "hold", leaseMs);
      const held = await child.first("holding");
      await child.kill();
      const claim = await claimSoon(engine, leaseMs + marginMs);
      assert.deepEqual([claim.receipt.id, claim.attempt, claim.crashes], [held.id, 1, 1]);
      assert(claim.receipt.token > Number(held.token));
    },

  "scenario 2: killed between effect and settlement, the effect is not repeated": async ({ engine, program }) => {
    await add(engine, "job");
    await using child = new CrashProcess(program, "effect-then-hold", leaseMs);
    await child.first("effect");
    await child.kill();
    const { receipt } = await claimSoon(engine, leaseMs + marginMs);
    const inbox = { op: "seen", consumer: "mail", id: receipt.id, keepMs: 1000 } as const;
    assert.equal((await refused(engine, inbox, note(engine, "again"))).refusal.kind, "already-seen");
    await settle(engine, receipt, ack);
    assert.deepEqual([...(await notesOf(engine)).keys()], ["sent"]);
  },

  "scenario 4: a holder whose event loop is blocked beyond its lease is fenced": async ({ engine, program }) => {
    await add(engine, "job");
    await using child = new CrashProcess(program, "hold-then-settle", leaseMs);
    const held = await child.first("holding");
    const claim = await claimSoon(engine, leaseMs + marginMs);
    assert(claim.receipt.token > Number(held.token));
    // The message is still held when the late settlement comes: only the token tells the two holders apart.
    const late = await child.first("late");
    assert.deepEqual([late.committed, late.extended], [false, false]);
    await committed(engine, note(engine, "in time"), { op: "settle", receipt: claim.receipt, as: ack });
    assert.deepEqual([...(await notesOf(engine)).keys()], ["in time"]);
  },

  "scenario 9: workers that are killed at random and replaced finish a backlog with every effect exactly once": async ({
    engine,
    program,
    options,
  }) => {
    const random = seededRandom(options.seed ?? 9);
    const jobs = Array.from({ length: 2000 }, (_, n) => ({
      body: `job-${n}`,
      key: n % 2 === 0 ? `k${n % 20}` : undefined,
    }));
    await add(engine, ...jobs);
    for (let round = 0; round < 4; round++) {
      await using victim = new CrashProcess(program, "work");
      await victim.first("done").catch(() => undefined);
      await systemClock.sleep(random.integer(0, 30));
    }
    assert((await storedIn(engine)).length > 0, "the kills came while there was work");
    await using last = new CrashProcess(program, "work");
    await last.ended();
    assert.deepEqual(await storedIn(engine), []);
    assert.deepEqual([...(await notesOf(engine)).keys()].toSorted(), jobs.map((job) => job.body).toSorted());
    await auditEngine(engine, [queue], [log]);
  },

  "scenario 17: a message that kills every process that takes it is dead after crashesMax of them": async ({
    engine,
    program,
  }) => {
    await add(engine, "poison");
    for (let round = 0; round < 3; round++) {
      const untilMs = systemClock.monotonic() + leaseMs + marginMs;
      for (let isTaken = false; !isTaken;) {
        await using child = new CrashProcess(program, "exit", leaseMs);
        await child.gone();
        isTaken = child.told.some((line) => line.kind === "holding");
        assert(isTaken || systemClock.monotonic() < untilMs, "the message comes back");
      }
    }
    for (const untilMs = systemClock.monotonic() + leaseMs + marginMs; ; await systemClock.sleep(20)) {
      const { claims } = await engine.claim({ queue, count: 1, leaseMs, crashesMax: 3 });
      assert.deepEqual(claims, []);
      if ((await statusOf(engine)).dead === 1) break;
      assert(systemClock.monotonic() < untilMs, "it dies within its lease");
    }
    assert.equal((await storedIn(engine, "dead"))[0]?.reason, "crashed");
  },

  "scenario 23: a leader that is frozen beyond its lease and goes on writes nothing more": async ({
    engine,
    program,
  }) => {
    const cell = { space: "leaders", key: "billing" };
    await using child = new CrashProcess(program, "lead", leaseMs);
    const { token } = await child.first("leading");
    await freeze(child, engine);
    for (const untilMs = systemClock.monotonic() + leaseMs + marginMs; ; await systemClock.sleep(10)) {
      const result = await engine.commit([{ op: "put", cell, expect: "absent", value: "parent" }]);
      if (result.committed) {
        assert(result.outcomes[0]?.op === "put" && result.outcomes[0].version > Number(token));
        break;
      }
      assert(systemClock.monotonic() < untilMs, "the lease of a frozen leader ends");
    }
    const written = await notesOf(engine);
    assert(written.size > 0, "the old leader wrote while it led");
    child.signal("SIGCONT");
    await child.first("deposed");
    assert.deepEqual(await notesOf(engine), written, "nothing of the old leader after the new one began");
  },

  "scenario 25: processes that open fresh data at the same moment all work, and one of them prepares it": async ({
    engine,
    program,
    open,
  }) => {
    await engine[Symbol.asyncDispose]();
    const fresh = { ...program, folder: mkdtempSync(join(program.folder, "fresh-")) };
    const children = Array.from({ length: 4 }, (_, n) => new CrashProcess(fresh, "note", n));
    try {
      await Promise.all(children.map((child) => child.ended()));
    } finally {
      for (const child of children) await child.kill();
    }
    const { openCrashEngine } = (await import(program.module.href)) as { readonly openCrashEngine: OpenCrashEngine };
    await using prepared = asWhole(await openCrashEngine(fresh.folder));
    assert.equal((await notesOf(prepared)).size, 80);
    assert.equal((await statusOf(prepared)).ready, 80);
    await auditEngine(prepared, [queue], [log]);
    await open();
  },

  "a bell rings for what another process commits, within a second": async ({ engine, program }) => {
    const rung = gate();
    using _bell = engine.bell([`queue:${queue}`], () => rung.open());
    await using child = new CrashProcess(program, "note", 1);
    await child.first("done");
    using late = signalAfter(systemClock, 1000, () => new Error("the bell did not ring"));
    await abortable(rung.promise, late.signal);
    await child.ended();
  },
};

/** Stops the process in a moment in which it does not hold the store: one that is frozen inside a commit keeps everybody waiting. */
async function freeze(child: CrashProcess, engine: Engine): Promise<void> {
  for (;;) {
    child.signal("SIGSTOP");
    const passed = engine.commit([]).then(() => "passed");
    if ((await Promise.race([passed, systemClock.sleep(500)])) === "passed") return;
    child.signal("SIGCONT");
    await passed;
  }
}
