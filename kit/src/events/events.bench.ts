// What events cost on each engine: node --conditions=ashlar-source kit/src/events/events.bench.ts [EVENTS]
// Each line has the control of the same run beside it: bare engine commits or reads. Other stores are measured in bench/versus.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { type Decider, decider } from "./decider.ts";
import type { EventStore } from "./event-store.ts";
import { type EventTypes, eventTypes } from "./event-types.ts";
import { openEventStore } from "./open-event-store.ts";
import { openSubscription } from "./open-subscription.ts";

type Added = { readonly type: "Added"; readonly data: { readonly amount: number; readonly note: string } };

const count = Number(process.argv[2] ?? 20_000);
const note = "a text of ordinary length";
const types: EventTypes<Added> = eventTypes<Added>({ Added: {} });

function counter(
  name: string,
  snapshot?: { readonly everyEvents: number; readonly schema: number },
): Decider<number, number, Added, never> {
  return decider<number, number, Added, never>({
    name,
    events: types,
    snapshot,
    initial: () => 0,
    decide: (_total, amount) => [{ type: "Added", data: { amount, note } }],
    evolve: (total, { data }) => total + data.amount,
  });
}

async function perSecond(inFlight: number, times: number, run: (index: number) => Promise<unknown>): Promise<number> {
  const startedMs = systemClock.monotonic();
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < times) await run(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return (times / (systemClock.monotonic() - startedMs)) * 1_000;
}

function print(path: string, value: number, control: number): void {
  const figures = [value, control].map((figure) => Math.round(figure).toLocaleString("en-US").padStart(10));
  process.stdout.write(`${path.padEnd(44)} ${figures.join(" /s, bare ")} /s, ${(value / control).toFixed(2)}\n`);
}

async function measureAppends(name: string, store: EventStore): Promise<void> {
  const { engine } = store;
  const bare = (index: number): Promise<unknown> => {
    const data = JSON.stringify({ amount: index, note });
    return engine.commit([
      { op: "append", log: "bare", stream: `s${index}`, expected: 0, events: [{ type: "Added", data }] },
    ]);
  };
  const append = (index: number): Promise<unknown> =>
    store.append(`s${index}`, [{ type: "Added", data: { amount: index, note } }], { expected: "new", types });
  await perSecond(64, count / 4, (index) =>
    store.append(`w${index}`, [{ type: "Added", data: { amount: 1, note } }], { expected: "any" }),
  );
  const control = await perSecond(64, count, bare);
  print(`${name}: append, 64 in flight`, await perSecond(64, count, append), control);
  const cold = counter("cold");
  print(
    `${name}: execute, 64 in flight, new streams`,
    await perSecond(64, count, (index) => store.execute(cold, String(index), 1)),
    control,
  );
  const hot = counter("hot");
  print(
    `${name}: execute, 64 in flight, one stream`,
    await perSecond(64, count, () => store.execute(hot, "one", 1)),
    control,
  );
  const alone = await perSecond(1, count / 10, (index) => bare(count + index));
  print(`${name}: append, one caller`, await perSecond(1, count / 10, (index) => append(count + index)), alone);
}

async function measureLoads(name: string, engine: Engine): Promise<void> {
  const store = await openEventStore({ engine, cacheStreams: 0 });
  const plain = counter("plain");
  const snapping = counter("snapping", { everyEvents: 100, schema: 1 });
  const events = Array.from({ length: 1_000 }, (): Added => ({ type: "Added", data: { amount: 1, note } }));
  await store.append("plain/a", events, { expected: "new", types });
  for (let index = 0; index < 1_000; index++) await store.execute(snapping, "a", 1);
  const read = (): Promise<unknown> => engine.stream({ log: "main", stream: "plain/a", after: 0, limit: 2_000 });
  await perSecond(1, 100, read);
  const control = await perSecond(1, 300, read);
  print(`${name}: load 1,000 events`, await perSecond(1, 300, () => store.load(plain, "a")), control);
  print(`${name}: load 1,000 events, snapshot`, await perSecond(1, 1_000, () => store.load(snapping, "a")), control);
}

async function measureFeed(name: string, store: EventStore): Promise<void> {
  let seen = 0;
  const startedMs = systemClock.monotonic();
  await using subscription = await openSubscription({ store, name: "feed", handle: () => void seen++ });
  await subscription.caughtUp();
  const value = (seen / (systemClock.monotonic() - startedMs)) * 1_000;
  const bareMs = systemClock.monotonic();
  let read = 0;
  for (let after = 0, more = true; more;) {
    const page = await store.engine.read({ log: store.log, after, limit: 256 });
    read += page.events.length;
    more = page.through > after && page.through < page.head;
    after = page.through;
  }
  print(`${name}: catch up, one subscription`, value, (read / (systemClock.monotonic() - bareMs)) * 1_000);
}

async function measure(name: string, engine: Engine): Promise<void> {
  const store = await openEventStore({ engine });
  await measureAppends(name, store);
  await measureLoads(name, engine);
  await measureFeed(name, store);
}

{
  await using engine = await openMemoryEngine();
  await measure("memory", engine);
}
const folder = mkdtempSync(join(tmpdir(), "ashlar-events-bench-"));
{
  await using engine = await openSqliteEngine({ path: join(folder, "data.db"), durability: "disk" });
  await measure("sqlite, disk", engine);
}
rmSync(folder, { recursive: true });
