import process from "node:process";
import { expect, test, type TestContext } from "vitest";
import { programs, startCluster, startReplica, type Cluster } from "./cluster.test-postgres.ts";
import { openPostgres, readReplica, type PostgresDatabase, type ReadReplica, type ReadReplicaOptions } from "./mod.ts";

/** A primary, a replica of it, and connections to both. */
interface Pair extends AsyncDisposable {
  readonly primary: Cluster;
  readonly standby: Cluster;
  readonly database: PostgresDatabase;
  /** To pause replay, and to look. */
  readonly admin: PostgresDatabase;
  readonly reads: ReadReplica;
}

async function startPair(context: TestContext, options: Partial<ReadReplicaOptions> = {}): Promise<Pair> {
  const bin = programs();
  if (bin === undefined) {
    if (process.env["CI"] !== undefined) throw new Error("no programs of PostgreSQL are installed");
    return context.skip("no programs of PostgreSQL are installed");
  }
  const stack = new AsyncDisposableStack();
  const primary = stack.use(await startCluster(bin));
  const database = stack.use(await openPostgres({ url: primary.url }));
  await database.query("create table note(id int generated always as identity, text text not null)");
  const standby = stack.use(await startReplica(bin, primary));
  const admin = stack.use(await openPostgres({ url: `${standby.url}?target_session_attrs=any` }));
  const reads = stack.use(
    readReplica({ primary: database, replica: { url: standby.url, connectMaxMs: 300 }, waitMaxMs: 5_000, ...options }),
  );
  return { primary, standby, database, admin, reads, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const countNotes = "select count(*)::int as notes, pg_is_in_recovery() as replica from note";
const addNote = "insert into note(text) values ('x')";

/** The replica has replayed all that the primary has written. */
async function caughtUp({ reads }: Pair): Promise<void> {
  const after = await reads.position();
  await expect
    .poll(async () => (await reads.query("select 1", [], { after })).from, { timeout: 10_000 })
    .toBe("replica");
}

test("a read after a position sees the commit: it waits for replay, and goes to the primary when that takes too long", async (context) => {
  await using pair = await startPair(context);
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  for (let notes = 1; notes <= 50; notes++) {
    await database.query(addNote);
    const after = await reads.position();
    expect(await reads.query(countNotes, [], { after })).toMatchObject({
      from: "replica",
      rows: [{ notes, replica: true }],
    });
  }
  await admin.query("select pg_wal_replay_pause()");
  await database.query(addNote);
  const after = await reads.position();
  // Twenty wait together, and go on together.
  const waiting = Array.from({ length: 20 }, () => reads.query(countNotes, [], { after }));
  await expect.poll(() => reads.status.waiting).toBe(20);
  await admin.query("select pg_wal_replay_resume()");
  for (const answer of await Promise.all(waiting))
    expect(answer).toMatchObject({ from: "replica", rows: [{ notes: 51, replica: true }] });

  await admin.query("select pg_wal_replay_pause()");
  await database.query(addNote);
  await using hasty = readReplica({ primary: database, replica: { url: pair.standby.url }, waitMaxMs: 60 });
  const late = await hasty.query(countNotes, [], { after: await reads.position() });
  expect(late).toMatchObject({ from: "primary", rows: [{ notes: 52, replica: false }], position: undefined });
  // What it has seen before can be had there all the same.
  expect(await hasty.query(countNotes, [], { after })).toMatchObject({ from: "replica", rows: [{ notes: 51 }] });
  expect(hasty.status).toMatchObject({
    status: "up",
    waiting: 0,
    reads: { replica: 1, primary: { behind: 1, away: 0 } },
  });
}, 90_000);

test("a position behind a page that is just full does not make reads of a quiet primary wait", async (context) => {
  await using pair = await startPair(context);
  const { database, reads } = pair;
  await caughtUp(pair);
  // Behind a change of segment the next record begins behind the header of a page that is not there yet.
  await database.query("select pg_switch_wal()");
  const { rows } = await database.query<{ next: string }>("select pg_current_wal_insert_lsn()::text as next");
  expect(rows[0]?.next).toMatch(/000028$/);
  const after = await reads.position();
  expect(after).toMatch(/000000$/);
  expect(await reads.query(countNotes, [], { after })).toMatchObject({ from: "replica" });
}, 90_000);

test("without a position a quiet primary is not lag, and a replica that lags is passed over until it has caught up", async (context) => {
  await using pair = await startPair(context, { staleMaxMs: 400, waitMaxMs: 200 });
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  // Nothing is replayed any more, and nothing is missing.
  await admin.query("select pg_wal_replay_pause()");
  const read = (): Promise<unknown> => reads.query(countNotes);
  const quietUntilMs = performance.now() + 1_200;
  while (performance.now() < quietUntilMs)
    expect(await read()).toMatchObject({ from: "replica", rows: [{ notes: 0 }] });

  const committedMs = performance.now();
  await database.query(addNote);
  const acknowledgedMs = performance.now();
  let isStale = true;
  while (isStale) {
    const askedMs = performance.now();
    const { from, rows } = await reads.query<{ notes: number }>(countNotes);
    isStale = rows[0]?.notes === 0;
    if (isStale) expect([from, askedMs - acknowledgedMs < 400]).toEqual(["replica", true]);
    else expect(from).toBe("primary");
  }
  // It was of use for the most part of the time that it might be.
  expect(performance.now() - committedMs).toBeGreaterThan(150);
  expect(await read()).toMatchObject({ from: "primary", rows: [{ notes: 1 }] });
  await admin.query("select pg_wal_replay_resume()");
  await expect.poll(read, { timeout: 10_000 }).toMatchObject({ from: "replica", rows: [{ notes: 1 }] });
}, 90_000);

test("a replica that is killed is done without at once, is not tried by every read, and is used again when it is back", async (context) => {
  await using pair = await startPair(context, { waitMaxMs: 50 });
  const { standby, reads } = pair;
  await caughtUp(pair);
  await standby.stop("immediate");
  const before = reads.status.reads;
  for (let count = 0; count < 200; count++) expect(await reads.query(countNotes)).toMatchObject({ from: "primary" });
  expect(reads.status).toMatchObject({ status: "away", reason: expect.stringMatching(/connect|terminat/i) });
  expect(reads.status.reads).toMatchObject({ replica: before.replica, primary: { away: before.primary.away + 200 } });
  await standby.start();
  await expect.poll(() => reads.query(countNotes), { timeout: 20_000 }).toMatchObject({ from: "replica" });
  expect(reads.status).toMatchObject({ status: "up", reason: undefined });
}, 90_000);

test("a replica that hangs is waited for as long as for a connection, not as long as for an answer", async (context) => {
  await using pair = await startPair(context);
  const { database, standby } = pair;
  const replica = { url: standby.url, connectMaxMs: 200, connectionsMax: 1 };
  await using reads = readReplica({ primary: database, replica, staleMaxMs: "unbounded" });
  const { rows, from } = await reads.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]?.pid ?? 0;
  expect([from, pid > 1]).toEqual(["replica", true]);
  process.kill(pid, "SIGSTOP");
  try {
    const startedMs = performance.now();
    expect(await reads.query(countNotes)).toMatchObject({ from: "primary" });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(reads.status).toMatchObject({ status: "away", reads: { primary: { away: 1 } } });
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await expect.poll(() => reads.query(countNotes), { timeout: 10_000 }).toMatchObject({ from: "replica" });
}, 90_000);

test("a replica that was promoted is not read from, though its connections live on", async (context) => {
  await using pair = await startPair(context, { staleMaxMs: "unbounded" });
  const { standby, admin, database, reads } = pair;
  await caughtUp(pair);
  await standby.promote();
  await admin.query(addNote);
  expect(await reads.query(countNotes)).toMatchObject({ from: "primary", rows: [{ notes: 0 }] });
  expect(reads.status).toMatchObject({ status: "away", reason: expect.stringContaining("primary now") });
  await database.query(addNote);
  const after = await reads.position();
  expect(await reads.query(countNotes, [], { after })).toMatchObject({ from: "primary", rows: [{ notes: 1 }] });
}, 90_000);

test("when the primary is gone, reads of any age go on, and bounded ones end with its error", async (context) => {
  await using pair = await startPair(context, { staleMaxMs: "unbounded" });
  const { primary, standby, reads } = pair;
  await caughtUp(pair);
  await using impatient = await openPostgres({ url: primary.url, connectMaxMs: 100 });
  await using bounded = readReplica({ primary: impatient, replica: { url: standby.url }, staleMaxMs: 1_000 });
  await expect.poll(() => bounded.query(countNotes), { timeout: 10_000 }).toMatchObject({ from: "replica" });
  await primary.stop("immediate");
  expect(await reads.query(countNotes)).toMatchObject({ from: "replica", rows: [{ notes: 0 }] });
  await expect
    .poll(
      () =>
        bounded.query(countNotes).then(
          () => "answered",
          (error: unknown) => error,
        ),
      { timeout: 5_000 },
    )
    .toMatchObject({ code: "POSTGRES", retryable: true });
  expect(bounded.status.status).toBe("up");
}, 90_000);

test("reads that carry their position never go back in time, whichever server answers", async (context) => {
  await using pair = await startPair(context, { waitMaxMs: 3 });
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  const ended = new AbortController();
  const writing = (async () => {
    while (!ended.signal.aborted) await database.query(addNote);
  })();
  const pausing = (async () => {
    while (!ended.signal.aborted) {
      await admin.query("select pg_wal_replay_pause()");
      await admin.query("select pg_sleep(0.02)");
      await admin.query("select pg_wal_replay_resume()");
      await admin.query("select pg_sleep(0.02)");
    }
  })();
  const places = new Set<string>();
  let seen = 0;
  let after: string | undefined;
  const untilMs = performance.now() + 3_000;
  while (performance.now() < untilMs) {
    // Now and then it has written something itself.
    const hasWritten = seen % 3 === 0;
    const { rows, from, position } = await reads.query<{ notes: number }>(countNotes, [], { after, position: "ask" });
    const { notes = -1 } = rows[0] ?? {};
    expect(notes).toBeGreaterThanOrEqual(seen);
    places.add(from);
    seen = notes;
    after = hasWritten ? await reads.position() : position;
  }
  ended.abort();
  await Promise.all([writing, pausing]);
  expect([...places].toSorted()).toEqual(["primary", "replica"]);
}, 90_000);

test("a statement that writes is refused by the replica; a table that it lacks is asked of the primary; faults of a statement are the caller's", async (context) => {
  await using pair = await startPair(context);
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  await expect(reads.query(addNote)).rejects.toMatchObject({ reason: "readonly" });
  await admin.query("select pg_wal_replay_pause()");
  await database.query("create table later as select 7 as n");
  expect(await reads.query("select n from later")).toMatchObject({ from: "primary", rows: [{ n: 7 }] });
  await expect(reads.query("select n from never")).rejects.toMatchObject({ sqlState: "42P01" });
  await expect(reads.query("select 1 / 0")).rejects.toMatchObject({ sqlState: "22012" });
  await expect(reads.query("select 1", [], { after: "tomorrow" })).rejects.toThrow("such as 16/B374D848");
  expect(reads.status).toMatchObject({ status: "up", reads: { primary: { lacking: 2 } } });
}, 90_000);

test("a read that is in the way of replay goes to the primary", async (context) => {
  await using pair = await startPair(context);
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  await admin.query("alter system set max_standby_streaming_delay = '0'");
  await admin.query("select pg_reload_conf()");
  const slow = reads.query("select count(*)::int as notes from note, pg_sleep(1)");
  await expect
    .poll(
      async () =>
        (
          await admin.query(
            "select 1 from pg_stat_activity where query like '%pg_sleep(1)%' and pid <> pg_backend_pid()",
          )
        ).count,
    )
    .toBe(1);
  await database.query("truncate note");
  expect(await slow).toMatchObject({ from: "primary" });
  expect(reads.status).toMatchObject({ status: "up", reads: { primary: { conflict: 1 } } });
}, 90_000);

test("closing refuses who waits, ends what runs, and leaves the primary open", async (context) => {
  await using pair = await startPair(context, { waitMaxMs: 30_000 });
  const { database, admin, reads } = pair;
  await caughtUp(pair);
  const before = await reads.position();
  await admin.query("select pg_wal_replay_pause()");
  await database.query(addNote);
  const running = reads.query("select pg_sleep(0.2)", [], { after: before });
  const waiting = reads.query(countNotes, [], { after: await reads.position() });
  const refused = waiting.catch((error: unknown) => error);
  await expect.poll(() => reads.status.waiting).toBe(1);
  await reads[Symbol.asyncDispose]();
  expect(await refused).toMatchObject({ code: "DISPOSED" });
  expect(await running).toMatchObject({ from: "replica" });
  await expect(reads.query("select 1")).rejects.toMatchObject({ code: "DISPOSED" });
  expect((await database.health()).status).toBe("up");
}, 90_000);
