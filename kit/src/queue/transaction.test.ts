import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { openSqliteEngine, type SqliteEngine, type SqliteSql } from "../engine/sqlite/mod.ts";
import { type Fate, leaveInDoubt } from "../engine/doubt.test-engine.ts";
import { queue } from "./definition.ts";
import type { Job } from "./job.ts";
import { openQueue, type Queue } from "./queue.ts";
import { retryPlan } from "./retry-plan.ts";
import { openTopic, topic } from "./topic.ts";
import { openWorker } from "./worker.ts";

interface Bed {
  readonly engine: SqliteEngine;
  readonly clock: ManualClock;
  readonly jobs: Queue<string, unknown, SqliteSql>;
  /** The caller's own table, as it is committed. */
  readonly rows: () => Promise<readonly string[]>;
  /** Works with this handler on what is there, for `ms`. */
  readonly work: (handle: (job: Job<string, SqliteSql>) => Promise<unknown>, ms?: number) => Promise<void>;
}

const transactionMaxMs = 100;

async function on(run: (bed: Bed) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-queue-"));
  const clock = manualClock();
  try {
    await using engine = await openSqliteEngine({
      path: join(folder, "jobs.db"),
      durability: "process",
      clock,
      transactionMaxMs,
    });
    await engine.transaction(({ sql }) => void sql.run("create table effect (text text) strict"));
    const retry = retryPlan({ attemptsMax: 3, firstMs: 10, jitter: "none" });
    const jobs = await openQueue({ engine, queue: queue<string>("jobs", { leaseMs: 1_000, retry }) });
    const rows = async (): Promise<readonly string[]> => {
      const all = await engine.transaction(({ sql }) =>
        sql.all<{ text: string }>("select text from effect order by rowid"),
      );
      return all.map(({ text }) => text);
    };
    const work: Bed["work"] = async (handle, ms = 0) => {
      await using _worker = await openWorker({ queue: jobs, handle });
      await clock.advance(ms);
      await clock.settle();
    };
    await run({ engine, clock, jobs, rows, work });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const write =
  (text: string) =>
  ({ sql }: { readonly sql: SqliteSql }) =>
    void sql.run("insert into effect values (?)", text);

test("a job added in a transaction is there exactly when the transaction is", () =>
  on(async ({ engine, jobs, rows }) => {
    const placing = engine.transaction(async (transaction) => {
      write("rolled back")(transaction);
      await jobs.add("a", { in: transaction });
      throw new Error("changed my mind");
    });
    await expect(placing).rejects.toThrow("changed my mind");
    expect([await rows(), (await jobs.status()).depth]).toEqual([[], 0]);
    await engine.transaction(async (transaction) => {
      write("placed")(transaction);
      await jobs.addMany(["a", "b"], { in: transaction });
    });
    expect([await rows(), (await jobs.status()).depth]).toEqual([["placed"], 2]);
  }));

test("the effect of job.tx, what the job adds, and its settlement are one commit; its result answers who asked", () =>
  on(async ({ jobs, rows, work, engine }) => {
    const asked = jobs.ask("a", { withinMs: 5_000 });
    await work(async (job) => {
      job.also({ op: "put", cell: { space: "s", key: "k" }, expect: "absent", value: "v" });
      return job.tx((transaction) => {
        write(job.input)(transaction);
        return "booked";
      });
    });
    const [cell] = await engine.get([{ space: "s", key: "k" }]);
    expect([await asked, await rows(), (await jobs.status()).depth, cell?.value]).toEqual(["booked", ["a"], 0, "v"]);
  }));

test("what a transaction that throws has written is gone, and the job is tried again", () =>
  on(async ({ jobs, rows, work }) => {
    await jobs.add("a");
    await work(async (job) => {
      await job.tx((transaction) => {
        write(`attempt ${job.attempt}`)(transaction);
        if (job.attempt === 1) throw new Error("no");
      });
    }, 20);
    expect([await rows(), (await jobs.status()).depth]).toEqual([["attempt 2"], 0]);
  }));

test.each<Fate>(["committed", "rolled back"])(
  "a job whose transaction is in doubt and was %s has its effect once",
  (fate) =>
    on(async ({ jobs, rows, work, engine }) => {
      await jobs.add("a");
      leaveInDoubt(engine, fate);
      await work((job) => job.tx(write("once")), 2_000);
      expect([await rows(), (await jobs.status()).depth, (await jobs.status()).dead]).toEqual([["once"], 0, 0]);
    }),
);

test("a handler that fails after its transaction does not run again", () =>
  on(async ({ jobs, rows, work }) => {
    await jobs.add("a");
    await work(async (job) => {
      await job.tx(write("once"));
      throw new Error("too late");
    }, 100);
    expect([await rows(), (await jobs.status()).depth, (await jobs.status()).dead]).toEqual([["once"], 0, 0]);
  }));

test("a change for the commit of a job that its transaction has settled is refused, not dropped", () =>
  on(async ({ jobs, rows, work, engine }) => {
    let refusal: unknown;
    await jobs.add("a");
    await work(async (job) => {
      const note = (key: string): void =>
        job.also({ op: "put", cell: { space: "s", key }, expect: "absent", value: "v" });
      await job.tx((transaction) => {
        write("booked")(transaction);
        note("within");
      });
      try {
        note("after");
      } catch (error) {
        refusal = error;
      }
    });
    expect(refusal).toMatchObject({ code: "INVARIANT" });
    const cells = await engine.get(["within", "after"].map((key) => ({ space: "s", key })));
    expect([await rows(), cells.map((cell) => cell?.value)]).toEqual([["booked"], ["v", undefined]]);
  }));

test("work that outlives its transaction's time limit leaves the job held: the handler can go on, and settle it", () =>
  on(async ({ clock, jobs, rows, work }) => {
    const told: unknown[] = [];
    await jobs.add("a");
    await work(async (job) => {
      const slow = job.tx(() => clock.sleep(2 * transactionMaxMs));
      told.push(await slow.catch((error: unknown) => (error as Error).name));
      await clock.sleep(2 * transactionMaxMs);
      told.push(await job.once("after", () => "runs"));
      await job.tx(write("second"));
    }, 5 * transactionMaxMs);
    expect([told, await rows(), (await jobs.status()).depth]).toEqual([["TimeoutError", "runs"], ["second"], 0]);
  }));

test("with an inbox a message that was delivered as two jobs has one effect, and both jobs are done", () =>
  on(async ({ jobs, rows, work }) => {
    const results: unknown[] = [];
    for (const _delivery of [1, 2]) await jobs.add("a", { headers: { "message-id": "m1" } });
    await jobs.add("b", { headers: { "message-id": "m2" } });
    await work(async (job) => {
      const inbox = { id: job.headers["message-id"] ?? job.id, keepMs: 60_000 };
      results.push(
        await job.tx(
          (transaction) => {
            write(job.input)(transaction);
            return job.input;
          },
          { inbox },
        ),
      );
    });
    expect([new Set(results), await rows(), (await jobs.status()).depth]).toEqual([
      new Set(["a", "b", undefined]),
      ["a", "b"],
      0,
    ]);
  }));

test("a transaction whose lease is lost does not even begin its work", () =>
  on(async ({ engine, clock, jobs, rows }) => {
    await jobs.add("a");
    let lost: unknown;
    let runs = 0;
    const handle = async (job: Job<string, SqliteSql>): Promise<void> => {
      if (++runs > 1) return;
      // Somebody else takes the job over, as after a pause of this process.
      clock.jump(2_000);
      await engine.claim({ queue: "jobs", count: 1, leaseMs: 60_000 });
      lost = await job.tx(write("stale")).catch((error: unknown) => error);
    };
    await using _worker = await openWorker({ queue: jobs, concurrency: 1, prefetch: 0, handle });
    await clock.settle();
    expect(lost).toMatchObject({ code: "LEASE_LOST" });
    expect([await rows(), (await jobs.status()).running]).toEqual([[], 1]);
  }));

test("publishing in a transaction reaches the subscriptions exactly when it commits", () =>
  on(async ({ engine }) => {
    const orders = await openTopic({ engine, topic: topic<string>("orders") });
    const mail = await orders.subscribe("mail");
    const failing = engine.transaction(async (transaction) => {
      await orders.publish("one", { in: transaction });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await engine.transaction(async (transaction) => void (await orders.publish("two", { in: transaction })));
    expect((await Array.fromAsync(mail.jobs())).map(({ input }) => input)).toEqual(["two"]);
  }));
