import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import type { Change } from "../mod.ts";
import { openSqliteEngine, type SqliteEngine, type SqliteEngineOptions } from "./mod.ts";

// What the engine remembers of cells, messages and numbers must never show, except in its speed.

interface Bed extends AsyncDisposable {
  readonly engine: SqliteEngine;
  readonly path: string;
}

async function openBed(options: Partial<SqliteEngineOptions> = {}): Promise<Bed> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-remembered-"));
  const path = join(folder, "a.db");
  const engine = await openSqliteEngine({ path, durability: "process", ...options });
  return {
    engine,
    path,
    [Symbol.asyncDispose]: async () => {
      expect(await engine.verify()).toEqual([]);
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

const put = (key: string, expect: "absent" | "any" | number, value: string | undefined = "v"): Change => ({
  op: "put",
  cell: { space: "s", key },
  expect,
  value,
});
const drop = (key: string): Change => ({ op: "put", cell: { space: "s", key }, expect: "any", value: undefined });
const refusal = { committed: false } as const;

async function versionOf(engine: SqliteEngine, change: Change): Promise<number> {
  const result = await engine.commit([change]);
  const outcome = result.committed ? result.outcomes[0] : undefined;
  if (outcome?.op !== "put") throw new Error("the put was refused");
  return outcome.version;
}

test("a receipt that another process has taken over is refused, although this one has handed it out", async () => {
  const clock = manualClock();
  const opening = openBed({ clock });
  await clock.settle();
  await using bed = await opening;
  const joining = openSqliteEngine({ path: bed.path, durability: "process", clock });
  await clock.settle();
  await using other = await joining;
  const now = async <T>(work: PromiseLike<T>): Promise<T> => {
    await clock.settle();
    return await work;
  };
  await now(bed.engine.commit([{ op: "enqueue", queue: "q", messages: [{ body: "job" }] }]));
  const mine = await now(bed.engine.claim({ queue: "q", count: 1, leaseMs: 100 }));
  const receipt = mine.claims[0]?.receipt ?? { queue: "q", id: "0", token: 0 };
  expect(await now(bed.engine.commit([{ op: "hold", receipt }]))).toMatchObject({ committed: true });
  await clock.advance(200);
  const theirs = await now(other.claim({ queue: "q", count: 1, leaseMs: 60_000 }));
  expect(theirs.claims).toHaveLength(1);
  for (const change of [
    { op: "hold", receipt },
    { op: "settle", receipt, as: { kind: "ack" } },
    { op: "settle", receipt, as: { kind: "release" } },
  ] satisfies Change[])
    expect(await now(bed.engine.commit([change]))).toMatchObject(refusal);
  await now(other[Symbol.asyncDispose]());
  const verified = bed.engine.verify();
  expect(await verified).toEqual([]);
});

test("many messages are added claimed and acknowledged within one transaction", async () => {
  await using bed = await openBed();
  await bed.engine.transaction(async (tx) => {
    const messages = Array.from({ length: 20 }, (_, at) => ({ body: `${at}`, claimForMs: 1_000 }));
    const added = await tx.commit([{ op: "enqueue", queue: "q", messages }]);
    const outcome = added.committed ? added.outcomes[0] : undefined;
    if (outcome?.op !== "enqueue") throw new Error("the messages were refused");
    // The last ones first: those are not written yet.
    for (const { receipt } of outcome.messages.toReversed())
      if (receipt !== undefined) await tx.commit([{ op: "settle", receipt, as: { kind: "ack" } }]);
    for (const { receipt } of outcome.messages)
      if (receipt !== undefined) expect(await tx.commit([{ op: "hold", receipt }])).toMatchObject(refusal);
  });
  expect(bed.engine.sql.get("select count(*) as n from ashlar_message")).toEqual({ n: 0 });
});

test("what a transaction wrote before it threw is not remembered", async () => {
  await using bed = await openBed();
  const first = await versionOf(bed.engine, put("k", "absent"));
  await versionOf(bed.engine, put("k", first, "w"));
  const [before] = await bed.engine.get([{ space: "s", key: "k" }]);
  const lost = bed.engine.transaction(async (tx) => {
    await tx.commit([put("k", before?.version ?? 0, "lost"), put("z", "absent")]);
    throw new Error("mine");
  });
  await expect(lost).rejects.toThrow("mine");
  expect(await bed.engine.commit([put("k", before?.version ?? 0, "kept"), put("z", "absent")])).toMatchObject({
    committed: true,
  });
  expect((await bed.engine.get([{ space: "s", key: "k" }]))[0]?.value).toBe("kept");
});

test("a new key is told from a known one by code point, in any order and also behind a deletion", async () => {
  await using bed = await openBed();
  for (const key of ["m", "\u{10000}", "\uE000", "a"]) {
    expect(await bed.engine.commit([put(key, "absent")])).toMatchObject({ committed: true });
    expect(await bed.engine.commit([put(key, "absent")])).toMatchObject(refusal);
  }
  await bed.engine.commit([drop("\u{10000}")]);
  expect(await bed.engine.commit([put("\u{10000}", "absent")])).toMatchObject({ committed: true });
  expect(await bed.engine.commit([put("\u{10000}", "absent")])).toMatchObject(refusal);
});

test("lists of one turn see the cells of those before them, in whatever way they were written", async () => {
  await using bed = await openBed();
  // From here on it is known how far the keys go.
  await bed.engine.commit([put("c", "absent")]);
  const results = await Promise.all([
    bed.engine.commit([put("b", "any")]),
    bed.engine.commit([put("a", "any")]),
    bed.engine.commit([put("a", "absent")]),
    bed.engine.commit([drop("a")]),
    bed.engine.commit([put("a", "absent")]),
    bed.engine.commit([{ op: "check", cell: { space: "s", key: "a" }, expect: "present" }]),
  ]);
  expect(results.map(({ committed }) => committed)).toEqual([true, true, false, true, true, true]);
});

test("lists of one turn see the keys, dedup keys and inbox entries of those before them", async () => {
  await using bed = await openBed();
  const add = (body: string): Change => ({
    op: "enqueue",
    queue: "q",
    messages: [{ body, key: body.slice(0, 1), dedup: { key: body, forMs: 60_000 } }],
  });
  const seen: Change = { op: "seen", consumer: "c", id: "1", keepMs: 60_000 };
  const results = await Promise.all(
    [add("a1"), add("b1"), add("a2"), add("a1"), seen, seen, add("b2")].map((change) => bed.engine.commit([change])),
  );
  const statuses = results.map((result) => {
    const outcome = result.committed ? result.outcomes[0] : undefined;
    return outcome?.op === "enqueue" ? outcome.messages[0]?.status : result.committed;
  });
  expect(statuses).toEqual(["added", "added", "added", "existing", true, false, "added"]);
  const bodies: string[] = [];
  for (let round = 0; round < 2; round++) {
    const { claims } = await bed.engine.claim({ queue: "q", count: 9, leaseMs: 60_000 });
    bodies.push(claims.map(({ body }) => body).join(" "));
    // In one turn, so that the next of a key is let in by an acknowledgement that is not written yet.
    const [first, second] = claims;
    const after = first === undefined || round > 0 ? [] : [add("a3")];
    const acks = [first, second].flatMap((claim): Change[] =>
      claim === undefined ? [] : [{ op: "settle", receipt: claim.receipt, as: { kind: "ack" } }],
    );
    await Promise.all([...acks, ...after].map((change) => bed.engine.commit([change])));
  }
  expect(bodies).toEqual(["a1 b1", "a2 b2"]);
  expect((await bed.engine.claim({ queue: "q", count: 9, leaseMs: 60_000 })).claims.map(({ body }) => body)).toEqual([
    "a3",
  ]);
  // Nobody waits for this key: what it adds may go at once, because the one before is acknowledged.
  await bed.engine.commit([add("z1")]);
  const [alone] = (await bed.engine.claim({ queue: "q", count: 9, leaseMs: 60_000 })).claims;
  const receipt = alone?.receipt ?? { queue: "q", id: "0", token: 0 };
  await Promise.all([
    bed.engine.commit([{ op: "settle", receipt, as: { kind: "ack" } }]),
    bed.engine.commit([add("z2")]),
  ]);
  const { claims } = await bed.engine.claim({ queue: "q", count: 9, leaseMs: 60_000 });
  expect(claims.map(({ body }) => body)).toEqual(["z2"]);
});

test("a cell that maintenance has deleted stays absent when the clock steps back", async () => {
  const clock = manualClock();
  const opening = openBed({ clock, maintenanceMs: 1_000 });
  await clock.settle();
  await using bed = await opening;
  const now = async <T>(work: PromiseLike<T>): Promise<T> => {
    await clock.settle();
    return await work;
  };
  const cell = { space: "s", key: "k" } as const;
  await now(bed.engine.commit([{ op: "put", cell, expect: "absent", value: "v", expiresInMs: 500 }]));
  const [stored] = await bed.engine.get([cell]);
  const version = stored?.version ?? 0;
  expect(await now(bed.engine.commit([{ op: "check", cell, expect: version }]))).toMatchObject({ committed: true });
  await clock.advance(3_000);
  clock.jump(-3_000);
  expect(await now(bed.engine.commit([{ op: "check", cell, expect: version }]))).toMatchObject(refusal);
  expect(await now(bed.engine.commit([{ op: "check", cell, expect: "absent" }]))).toMatchObject({ committed: true });
});

test("versions and ids rise on and on while two processes write in turn, and after one has come back", async () => {
  await using bed = await openBed();
  const versions: number[] = [];
  {
    await using other = await openSqliteEngine({ path: bed.path, durability: "process" });
    for (let round = 0; round < 5; round++)
      for (const engine of [bed.engine, other]) versions.push(await versionOf(engine, put("k", "any")));
  }
  {
    await using again = await openSqliteEngine({ path: bed.path, durability: "process" });
    versions.push(await versionOf(again, put("k", "any")));
  }
  versions.push(await versionOf(bed.engine, put("k", "any")));
  expect(versions).toEqual(versions.toSorted((left, right) => left - right));
  expect(new Set(versions).size).toBe(versions.length);
});
