import { limiter, tokenBucket } from "ashlar/limiter";
import { openPostgresStore } from "ashlar/limiter/postgres";

import { lanes, median, servers, type Figure, type Row } from "../frame.ts";
import { bareTakes, flexibleOnPostgres, freshLimits } from "../rivals/postgres-limiter.ts";

const inFlight = 64;
const size = 10_000;
const names = Array.from({ length: size }, (_, index) => `user:${index}`);
const nameOf = (index: number): string => names[(index * 7_919) % size] ?? "";

/** Takes a second with 64 in flight: median of slices behind one to warm up. Every take must be granted by the store. */
async function rate(slice: number, take: (index: number) => Promise<boolean>): Promise<number> {
  let [right, asked] = [0, 0];
  const counted = async (index: number): Promise<void> => {
    asked += 1;
    if (await take(index)) right += 1;
  };
  await lanes(slice, inFlight, counted);
  const found: number[] = [];
  for (let round = 0; round < 5; round++) found.push(await lanes(slice, inFlight, counted));
  if (right !== asked) throw new Error(`${right} of ${asked} takes ended as they were meant to`);
  return median(found);
}

async function ours(keyOf: (index: number) => string): Promise<Figure> {
  const schema = await freshLimits();
  await using store = await openPostgresStore({ url: servers.postgres, schema });
  const rules = [tokenBucket({ limit: 1e9, windowMs: 3_600_000 })];
  // A busy machine must not pass for a server that is down.
  const limit = limiter({ name: "bench", rules, store, storeDown: "closed", storeTimeoutMs: 10_000 });
  const value = await rate(20_000, async (index) => (await limit.take(keyOf(index))).judgedBy === "store");
  return { name: "Ashlar", durability: "process", value };
}

async function flexible(keyOf: (index: number) => string): Promise<Figure> {
  await using limit = await flexibleOnPostgres();
  const value = await rate(4_000, async (index) => (await limit.consume(keyOf(index))) > 0);
  return { name: "rate-limiter-flexible 11.4, pg 8.23, commits not waited for", durability: "process", value };
}

async function bare(keyOf: (index: number) => string): Promise<Figure> {
  const value = await bareTakes((from) => Array.from({ length: inFlight }, (_, index) => keyOf(from + index)));
  return { name: "an upsert for 64 takes, one connection", durability: "process", value };
}

function takeRow(path: string, keyOf: (index: number) => string): Row {
  return {
    path,
    better: "higher",
    unit: "takes/s",
    limitName: "takes/s, one upsert for 64",
    ours: () => ours(keyOf),
    rivals: [() => flexible(keyOf)],
    limit: () => bare(keyOf),
  };
}

/** What limits cost on PostgreSQL. */
export const limitsOnPostgres: readonly Row[] = [
  takeRow("limiter on PostgreSQL, 10,000 keys, 64 in flight", nameOf),
  takeRow("limiter on PostgreSQL, one hot key, 64 in flight", () => "hot"),
];
