import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { openSqlite } from "../../drivers/sqlite/mod.ts";
import { concurrency, fixedWindow, limiter, slidingLog, tokenBucket } from "../mod.ts";
import { openSqliteStore } from "./mod.ts";
import { storeTimeAt } from "./store-time.ts";

function folder(): Disposable & { readonly file: string } {
  const path = mkdtempSync(join(tmpdir(), "ashlar-limiter-"));
  return { file: join(path, "limits.db"), [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

async function rows(path: string): Promise<Readonly<Record<string, number>> | undefined> {
  await using database = await openSqlite({ path, durability: "process" });
  const found = database.reader.get<
    Readonly<Record<string, number>>
  >(`select (select count(*) from ashlar_limiter_state) as states,
    (select count(*) from ashlar_limiter_entry) as entries, (select keys from ashlar_limiter_time) as keys`);
  return found;
}

test("what was taken is remembered when the file is opened again", async () => {
  using place = folder();
  const clock = manualClock();
  const rules = [fixedWindow({ limit: 3, windowMs: 60_000 }), concurrency({ limit: 3, leaseMs: 60_000 })];
  for (const expected of [true, true, true, false]) {
    await using store = await openSqliteStore({ path: place.file, clock });
    const limit = limiter({ name: "api", rules, store, clock });
    expect((await limit.take("ada")).allowed).toBe(expected);
  }
});

test("states and entries that have recovered are dropped as new keys come, so that the file stays small", async () => {
  using place = folder();
  const clock = manualClock();
  {
    await using store = await openSqliteStore({ path: place.file, clock });
    const rules = [tokenBucket({ limit: 5, windowMs: 1_000 }), slidingLog({ limit: 5, windowMs: 1_000 })];
    const limit = limiter({ name: "api", rules, store, clock });
    for (let second = 0; second < 8; second++) {
      await Promise.all(Array.from({ length: 50 }, (_, key) => limit.take(`${second} ${key}`)));
      await clock.advance(1_000);
    }
  }
  expect(await rows(place.file)).toEqual({ states: 100, entries: 50, keys: 100 });
});

test("keys are bounded; those that would recover first are forgotten", async () => {
  using place = folder();
  const clock = manualClock();
  {
    await using store = await openSqliteStore({ path: place.file, clock, keysMax: 20 });
    const limit = limiter({ name: "api", rules: [slidingLog({ limit: 2, windowMs: 60_000 })], store, clock });
    for (let key = 0; key < 60; key++) {
      await limit.take(`key ${key}`, { cost: 2 });
      await clock.advance(1);
    }
    expect((await limit.peek("key 59")).allowed).toBe(false);
    expect((await limit.peek("key 0")).allowed).toBe(true);
  }
  expect(await rows(place.file)).toEqual({ states: 20, entries: 20, keys: 20 });
});

test("the store's time never goes back: a small step is waited out, a large one has no effect on what passes afterwards", () => {
  const before = storeTimeAt({ lastUs: 0, aheadUs: 0 }, 10_000_000);
  expect(before).toEqual({ lastUs: 10_000_000, aheadUs: 0 });
  expect(storeTimeAt(before, 9_200_000)).toEqual({ lastUs: 10_000_000, aheadUs: 0 });
  const shifted = storeTimeAt(before, 4_000_000);
  expect(shifted).toEqual({ lastUs: 10_000_000, aheadUs: 6_000_000 });
  expect(storeTimeAt(shifted, 4_500_000)).toEqual({ lastUs: 10_500_000, aheadUs: 6_000_000 });
});
