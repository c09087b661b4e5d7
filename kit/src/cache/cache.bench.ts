// What a cache costs, and what its policies are worth: node --conditions=ashlar-source kit/src/cache/cache.bench.ts [unit|size|ratio]
// Nanoseconds of thread time an operation beside a bare Map, the same by size, then ratios of hits on real and made traces beside the
// optimum that knows the future.
import { execFileSync } from "node:child_process";
import process from "node:process";
import { seededRandom } from "../random/mod.ts";
import { boundedMap, policyNames } from "./bounded-map.ts";
import { cache } from "./cache.ts";
import { optimumHits } from "./optimum.test-oracle.ts";
import { expectedRows, hitsOf, traceOf, tracesMissing } from "./traces.test-data.ts";

const rounds = 9;
const orderLength = 1 << 16;
let sink = 0;

function print(...cells: (string | number)[]): void {
  const text = cells.map((cell, place) => (place === 0 ? String(cell).padEnd(44) : String(cell).padStart(12)));
  process.stdout.write(`${text.join("")}\n`);
}

const spentNs = (from: NodeJS.CpuUsage, operations: number): number => {
  const { user, system } = process.threadCpuUsage(from);
  return ((user + system) * 1e3) / operations;
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[rounds >> 1] ?? 0;

function perOperation(operations: number, run: (index: number) => unknown): number {
  const round = (): number => {
    const from = process.threadCpuUsage();
    for (let index = 0; index < operations; index++) if (run(index) === undefined) sink++;
    return spentNs(from, operations);
  };
  round();
  return median(Array.from({ length: rounds }, round));
}

async function perAwaited(operations: number, run: (index: number) => Promise<unknown>): Promise<number> {
  const round = async (): Promise<number> => {
    const from = process.threadCpuUsage();
    for (let index = 0; index < operations; index++) if ((await run(index)) === undefined) sink++;
    return spentNs(from, operations);
  };
  await round();
  const spent: number[] = [];
  for (let count = 0; count < rounds; count++) spent.push(await round());
  return median(spent);
}

interface Keys {
  readonly all: readonly string[];
  /** In random order, so that every size misses the processor's caches as it does in life. */
  readonly order: readonly string[];
  /** Several times as many others. */
  readonly others: readonly string[];
}

function keysFor(size: number): Keys {
  const random = seededRandom(size);
  const all = Array.from({ length: size }, (_, index) => `user:${index}`);
  const order = Array.from({ length: orderLength }, () => random.pick(all));
  const others = Array.from({ length: size * (size > 100_000 ? 3 : 10) }, (_, index) => `other:${index}`);
  return { all, order, others };
}

const at = (keys: readonly string[], index: number): string => keys[index % keys.length] ?? "";

function mapUnits({ all, order, others }: Keys, count: number): void {
  const map = new Map(all.map((key) => [key, { key }]));
  print("Map: get", perOperation(count, (index) => map.get(order[index & (orderLength - 1)] ?? "")).toFixed(0));
  print("Map: set of a present key", perOperation(count, (index) => map.set(at(order, index), { key: "" })).toFixed(0));
  const churn = (index: number): unknown => {
    map.delete(index < all.length ? at(all, index) : at(others, index - all.length));
    return map.set(at(others, index), { key: "" });
  };
  print("Map: set of a new key, delete of another", perOperation(others.length, churn).toFixed(0));
}

function boundedUnits({ all, order, others }: Keys, count: number): void {
  for (const policy of policyNames) {
    const map = boundedMap<string, { key: string }>({ entries: all.length, policy });
    for (const key of all) map.set(key, { key });
    const get = perOperation(count, (index) => map.get(order[index & (orderLength - 1)] ?? ""));
    const evict = perOperation(count / 4, (index) => map.set(at(others, index), { key: "" }));
    print(`boundedMap ${policy}: get / set that evicts`, `${get.toFixed(0)} / ${evict.toFixed(0)}`);
  }
}

async function cacheUnits({ all, order, others }: Keys, count: number): Promise<void> {
  const entries = all.length;
  const value = { key: "value" };
  const plain = cache<{ key: string }>({ entries });
  const timed = cache<{ key: string }>({ entries, ttlMs: 600_000, staleMs: 60_000 });
  const tagged = cache<{ key: string }>({ entries, ttlMs: 600_000, tagsOf: () => ["a", "b", "c"] });
  for (const key of all) for (const values of [plain, timed, tagged]) await values.set(key, { key });
  await tagged.invalidate({ tags: ["another"] }); // until the first invalidation of any tag none is looked at
  const key = (index: number): string => order[index & (orderLength - 1)] ?? "";
  print("cache: peek", perOperation(count, (index) => plain.peek(key(index))).toFixed(0));
  print("cache: peek, with ttl", perOperation(count, (index) => timed.peek(key(index))).toFixed(0));
  print("cache: peek, with ttl and 3 tags", perOperation(count, (index) => tagged.peek(key(index))).toFixed(0));
  print("awaited no-op", (await perAwaited(count / 2, async () => value)).toFixed(0));
  print("cache: get of a hit, awaited", (await perAwaited(count / 2, (index) => timed.get(key(index)))).toFixed(0));
  print("cache: set that evicts", perOperation(count / 8, (index) => timed.set(at(others, index), value)).toFixed(0));
  const load = async (): Promise<{ key: string }> => value;
  const missing = async (index: number): Promise<unknown> => timed.get(at(others, index * 7 + 3), load);
  print("cache: get of a miss, ready loader, evicts", (await perAwaited(count / 16, missing)).toFixed(0));
}

function sizes(count: number): void {
  print("ns by entries", "Map get", "boundedMap", "peek", "peek, ttl", "set, evicts");
  for (const size of [1_000, 10_000, 100_000, 1_000_000]) {
    const flags = ["--conditions=ashlar-source", import.meta.filename];
    process.stdout.write(execFileSync(process.execPath, [...flags, "one-size", `${size}`, `${count}`]));
  }
}

function oneSize(size: number, count: number): void {
  const { all, order, others } = keysFor(size);
  const key = (index: number): string => order[index & (orderLength - 1)] ?? "";
  const map = new Map(all.map((one) => [one, one]));
  const bounded = boundedMap<string, string>({ entries: size });
  const plain = cache<string>({ entries: size });
  const timed = cache<string>({ entries: size, ttlMs: 600_000 });
  for (const one of all) {
    bounded.set(one, one);
    void plain.set(one, one);
    void timed.set(one, one);
  }
  const cells = [
    perOperation(count, (index) => map.get(key(index))),
    perOperation(count, (index) => bounded.get(key(index))),
    perOperation(count, (index) => plain.peek(key(index))),
    perOperation(count, (index) => timed.peek(key(index))),
    perOperation(count / 4, (index) => bounded.set(at(others, index), "x")),
  ];
  print(size, ...cells.map((cell) => cell.toFixed(0)));
}

function ratioRow(name: string, trace: Int32Array, capacity: number): void {
  const percent = (hits: number): string => ((100 * hits) / trace.length).toFixed(1);
  const hits = policyNames.map((policy) => percent(hitsOf(boundedMap({ entries: capacity, policy }), trace)));
  print(`${name}, ${capacity}`, percent(optimumHits(trace, capacity)), ...hits);
}

function zipf(keys: number, length: number): Int32Array {
  const random = seededRandom("zipf");
  const bounds = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) bounds[rank] = sum += 1 / (rank + 1) ** 0.99;
  return Int32Array.from({ length }, () => {
    const drawn = random.next() * sum;
    let low = 0;
    for (let high = keys - 1; low < high;) {
      const middle = (low + high) >> 1;
      if ((bounds[middle] ?? 0) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** Each key is read five times close together, and never again. */
function sessions(length: number): Int32Array {
  const random = seededRandom("sessions");
  const open = Array.from({ length: 2_000 }, (_, key) => ({ key, left: 5 }));
  let next = open.length;
  return Int32Array.from({ length }, () => {
    const session = random.pick(open);
    const { key } = session;
    if (--session.left === 0) Object.assign(session, { key: next++, left: 5 });
    return key;
  });
}

function ratios(): void {
  print("hits in %: trace, entries", "optimum", ...policyNames);
  const skewed = zipf(1_000_000, 1_000_000);
  for (const entries of [1_000, 10_000]) ratioRow("zipf 0.99 of a million keys", skewed, entries);
  ratioRow(
    "loop over 20,000 keys",
    Int32Array.from({ length: 1_000_000 }, (_, index) => index % 20_000),
    10_000,
  );
  ratioRow("sessions of five reads", sessions(1_000_000), 10_000);
  if (tracesMissing !== undefined) return print(tracesMissing);
  for (const { trace, capacity } of expectedRows()) ratioRow(trace, traceOf(trace), capacity);
}

const [job = "all", size = "0", count = "0"] = process.argv.slice(2);
if (job === "one-size") oneSize(Number(size), Number(count));
if (job === "all" || job === "unit") {
  const keys = keysFor(10_000);
  print("ns an operation, 10,000 entries, text keys");
  mapUnits(keys, 1_000_000);
  boundedUnits(keys, 1_000_000);
  await cacheUnits(keys, 1_000_000);
}
if (job === "all" || job === "size") sizes(1_000_000);
if (job === "all" || job === "ratio") ratios();
if (sink < 0) print("never");
