import assert from "node:assert/strict";
import {
  type Decider,
  decider,
  type EventStore,
  eventTypes,
  type EventTypes,
  openEventStore,
  openSubjectKeys,
  openSubscription,
  type SubjectErased,
} from "../mod.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

/** Personal data. */
export const erasureRules: readonly EventsRule[] = [
  {
    name: "personal fields are sealed in what is stored and open to who reads with the key",
    run: sealed,
    time: "flows",
  },
  {
    name: "an erased subject is unreadable everywhere: fields, states, caches of other processes, snapshots",
    run: erased,
    time: "flows",
  },
  { name: "a projection that lists $erased learns of it", run: told },
  { name: "data sealed after an erasure has a new key and does not open the old", run: returns },
  { name: "a wrong master key is a fault, never taken for an erasure", run: wrongKey },
  { name: "an append that was sealed before the erasure and committed after it is sealed anew", run: between },
  { name: "an append that raced with the erasure does not survive it readable", run: races, time: "flows" },
  { name: "a subject that returns during its erasure can be erased again", run: returnsMeanwhile },
  { name: "an inline projection learns of an erasure in the commit that marks the stream", run: inlineTold },
  { name: "a parked failure loses its text with the subject that it may name", run: parkedText },
  { name: "an event of an older version is read at today's also after an erasure", run: upcastErased },
  { name: "data that looks like a sealed field is data", run: lookalike },
];

type PersonEvent =
  | {
      readonly type: "Joined";
      readonly data: { readonly subject: string; readonly name: string; readonly plan: string };
    }
  | { readonly type: "Billed"; readonly data: { readonly cents: number } };

const personEvents: EventTypes<PersonEvent> = eventTypes<PersonEvent>({
  Joined: { personal: { subject: ({ subject }) => subject, fields: ["name"] } },
  Billed: {},
});

type PersonState = { readonly name: string; readonly plan: string; readonly cents: number };
type Person = Decider<PersonState, PersonEvent, PersonEvent, never>;

const person: Person = decider<PersonState, PersonEvent, PersonEvent, never>({
  name: "person",
  events: personEvents,
  snapshot: { everyEvents: 2, schema: 1 },
  initial: () => ({ name: "", plan: "", cents: 0 }),
  decide: (_state, event) => [event],
  evolve: (state, event) =>
    event.type === "Joined"
      ? { ...state, name: event.data.name, plan: event.data.plan }
      : { ...state, cents: state.cents + event.data.cents },
});

const joined: PersonEvent = { type: "Joined", data: { subject: "p/1", name: "Ada Lovelace", plan: "gold" } };
const billed: PersonEvent = { type: "Billed", data: { cents: 5 } };
const masterKey = new Uint8Array(32).fill(7);

async function open(engine: EventsBed["engine"], key: Uint8Array = masterKey): Promise<EventStore> {
  return openEventStore({ engine, keys: await openSubjectKeys({ engine, masterKey: key }) });
}

async function sealed({ engine, another }: EventsBed): Promise<void> {
  const store = await open(engine);
  await store.execute(person, "1", joined);
  const [record] = await engine.stream({ log: "main", stream: "person/1", after: 0, limit: 1 });
  assert(record !== undefined && !record.data.includes("Lovelace") && record.data.includes("gold"));
  const other = await open(await another());
  assert.deepEqual((await other.load(person, "1")).state, { name: "Ada Lovelace", plan: "gold", cents: 0 });
  await assert.rejects(Array.fromAsync((await openEventStore({ engine })).readStream("person/1")), {
    code: "UNSUPPORTED",
  });
}

async function erased({ engine, another }: EventsBed): Promise<void> {
  const store = await open(engine);
  const other = await open(await another());
  await store.execute(person, "1", joined);
  await store.execute(person, "1", billed);
  assert.equal((await other.load(person, "1")).state.name, "Ada Lovelace");
  await other.execute(person, "1", billed);
  assert.equal(await store.erase("p/1"), 1);
  const state = { name: "[erased]", plan: "gold", cents: 10 };
  assert.deepEqual((await other.load(person, "1")).state, state);
  assert.deepEqual((await store.load(person, "1")).state, state);
  assert.deepEqual(await engine.get([{ space: "snapshot/main", key: "person/1" }]), [undefined]);
  await other.execute(person, "1", billed);
  await other.execute(person, "1", billed);
  const [copy] = await engine.get([{ space: "snapshot/main", key: "person/1" }]);
  assert(copy !== undefined && !copy.value.includes("Lovelace"));
  const [first] = await Array.fromAsync(store.readStream("person/1", { types: personEvents }));
  assert.deepEqual(first?.data, { ...joined.data, name: "[erased]" });
  assert.equal(await store.erase("p/1"), 0);
}

async function told({ engine }: EventsBed): Promise<void> {
  const store = await open(engine);
  const seen: string[] = [];
  const types = eventTypes<PersonEvent | SubjectErased>({ Joined: {}, Billed: {}, $erased: {} });
  await store.execute(person, "1", joined);
  await using subscription = await openSubscription({
    store,
    name: "s",
    types,
    handle: ({ type }) => void seen.push(type),
  });
  await store.erase("p/1");
  await subscription.caughtUp();
  assert.deepEqual(seen, ["Joined", "$erased"]);
}

async function returns({ engine }: EventsBed): Promise<void> {
  const store = await open(engine);
  await store.execute(person, "1", joined);
  await store.erase("p/1");
  await store.execute(person, "1", { type: "Joined", data: { subject: "p/1", name: "Countess", plan: "iron" } });
  const names = (await Array.fromAsync(store.readStream("person/1", { types: personEvents }))).map(
    ({ data }) => "name" in data && data.name,
  );
  assert.deepEqual(names, ["[erased]", "Countess"]);
}

async function wrongKey({ engine }: EventsBed): Promise<void> {
  await (await open(engine)).execute(person, "1", joined);
  const wrong = new Uint8Array(32).fill(8);
  await assert.rejects((await open(engine, wrong)).load(person, "1"), { code: "SEAL" });
  const rotated = await openEventStore({
    engine,
    keys: await openSubjectKeys({ engine, masterKey: wrong, formerMasterKeys: [masterKey] }),
  });
  assert.equal((await rotated.load(person, "1")).state.name, "Ada Lovelace");
  await assert.rejects(openSubjectKeys({ engine, masterKey: new Uint8Array(16) }), { code: "CONFIG" });
}

async function between({ engine }: EventsBed): Promise<void> {
  const eraser = await open(engine);
  await eraser.execute(person, "1", joined);
  let erasures = 0;
  const store = await openEventStore({
    engine,
    keys: await openSubjectKeys({ engine, masterKey }),
    // Inline projections run between the sealing and the commit.
    inline: [async () => (erasures++ === 0 ? (await eraser.erase("p/1"), []) : [])],
  });
  await store.execute(person, "2", joined);
  assert.equal(erasures, 2);
  assert.equal((await store.load(person, "2")).state.name, "Ada Lovelace");
  assert.equal(await eraser.erase("p/1"), 1);
  assert.equal((await store.load(person, "2")).state.name, "[erased]");
}

async function races({ engine, another }: EventsBed): Promise<void> {
  const stores = [await open(engine), await open(await another())] as const;
  const joins = Array.from({ length: 20 }, (_, index) =>
    stores[index % 2 === 0 ? 0 : 1].execute(person, String(index % 6), joined),
  );
  const [erased] = await Promise.all([stores[0].erase("p/1"), ...joins]);
  assert(erased >= 0);
  await stores[1].erase("p/1");
  for (let id = 0; id < 6; id++) assert.equal((await stores[0].load(person, String(id))).state.name, "[erased]");
  assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "cells", space: "subject-streams/main" })), []);
}

async function returnsMeanwhile({ engine }: EventsBed): Promise<void> {
  const store = await open(engine);
  const again: PersonEvent = { type: "Joined", data: { subject: "p/1", name: "Ada King", plan: "iron" } };
  let marks = 0;
  const eraser = await openEventStore({
    engine,
    keys: await openSubjectKeys({ engine, masterKey }),
    // Inline projections run when the streams are known and not yet marked.
    inline: [async () => (marks++ === 0 ? (await store.execute(person, "1", again), []) : [])],
  });
  await store.execute(person, "1", joined);
  assert.equal(await eraser.erase("p/1"), 1);
  assert(marks > 0);
  await store.execute(person, "1", billed);
  const names = async (): Promise<readonly unknown[]> =>
    (await Array.fromAsync(store.readStream("person/1", { types: personEvents }))).flatMap(({ data }) =>
      "name" in data ? [data.name] : [],
    );
  assert.deepEqual(await names(), ["[erased]", "Ada King"]);
  assert.equal(await store.erase("p/1"), 1);
  assert.deepEqual(await names(), ["[erased]", "[erased]"]);
  for (const reader of [store, await open(engine)])
    assert.equal((await reader.load(person, "1")).state.name, "[erased]");
  assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "cells", space: "subject-streams/main" })), []);
}

async function inlineTold({ engine }: EventsBed): Promise<void> {
  const store = await openEventStore({
    engine,
    keys: await openSubjectKeys({ engine, masterKey }),
    inline: [
      (events) =>
        events.map(({ type, stream, version, data }) => ({
          op: "put",
          cell: { space: "names", key: stream },
          expect: "any",
          value: type === "$erased" ? `gone at ${version}` : "name" in data ? String(data.name) : undefined,
        })),
    ],
  });
  const streams = Array.from({ length: 5 }, (_, index) => `person/${index}`);
  for (const stream of streams) await store.append(stream, [joined], { expected: "new", types: personEvents });
  assert.equal(await store.erase("p/1"), 5);
  const cells = await Array.fromAsync(engine.scan({ kind: "cells", space: "names" }));
  assert.deepEqual(
    cells.map(({ key, value }) => [key, value]),
    streams.map((stream) => [stream, "gone at 2"]),
  );
}

async function parkedText({ engine }: EventsBed): Promise<void> {
  const store = await open(engine);
  const started = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using subscription = await openSubscription({
    store,
    name: "s",
    types: personEvents,
    attemptsMax: 1,
    async handle({ data, stream }) {
      if (stream === "person/late") await (started.resolve(), gate.promise);
      throw new Error(`cannot greet ${"name" in data ? data.name : "nobody"}`, { cause: new Error("Ada") });
    },
  });
  await store.execute(person, "1", joined);
  await store.append("other", [{ type: "Billed", data: { cents: 1 } }], { expected: "new", types: personEvents });
  await subscription.caughtUp();
  await store.execute(person, "late", joined);
  // This one is in hand, with the name in memory, while the subject is erased.
  await started.promise;
  assert.equal(await store.erase("p/1"), 2);
  gate.resolve();
  await subscription.caughtUp();
  const parked = await Array.fromAsync(subscription.parked.list());
  assert.deepEqual(
    parked.map(({ stream, failure }) => [stream, failure.message, failure.cause === undefined]),
    [
      ["other", "cannot greet nobody", false],
      ["person/1", "[erased]", true],
      ["person/late", "[erased]", true],
    ],
  );
  assert(!JSON.stringify(parked.filter(({ stream }) => stream !== "other")).includes("Ada"));
}

type Moved = {
  readonly type: "Moved";
  readonly data: { readonly subject: string; readonly address: unknown; readonly label?: string };
};

async function upcastErased({ engine }: EventsBed): Promise<void> {
  const store = await open(engine);
  const personal = { subject: ({ subject }: Moved["data"]) => subject, fields: ["address"] } as const;
  const before = eventTypes<Moved>({ Moved: { personal } });
  const after = eventTypes<Moved>({
    Moved: {
      personal,
      version: 2,
      upcast: {
        1: ({ subject, address }: { readonly subject: string; readonly address: { readonly lines: string[] } }) => ({
          subject,
          address: { ...address, city: address.lines.at(-1)?.trim() },
          label: `to ${address.lines.map((line) => line.toUpperCase()).join(", ")}`,
        }),
      },
    },
  });
  const address = { lines: ["Piazza Navona", "Rome "] };
  await store.append("m", [{ type: "Moved", data: { subject: "p/1", address } }], { expected: "new", types: before });
  const read = async (): Promise<unknown> => (await Array.fromAsync(store.readStream("m", { types: after })))[0]?.data;
  assert.deepEqual(await read(), {
    subject: "p/1",
    address: { ...address, city: "Rome" },
    label: "to PIAZZA NAVONA, ROME ",
  });
  await store.erase("p/1");
  assert.deepEqual(await read(), { subject: "p/1", address: "[erased]", label: "to [erased]" });
}

async function lookalike({ store, engine }: EventsBed): Promise<void> {
  type Note = { readonly type: "Note"; readonly data: Readonly<Record<string, unknown>> };
  const types = eventTypes<Note>({ Note: { personal: { subject: () => "p/1", fields: ["secret"] } } });
  const data = {
    three: { $sealed: ["x", "y", "z"] },
    one: { $sealed: [{ $sealed: [1] }], more: true },
    none: { $sealed: "no" },
    list: [{ $sealed: ["a", "b", "c"] }],
  };
  const event: Note = { type: "Note", data };
  await store.append("plain", [event], { expected: "new" });
  assert.deepEqual((await Array.fromAsync(store.readStream("plain")))[0]?.data, data);
  await engine.commit([store.change("change", [event], { expected: "new" })]);
  assert.deepEqual((await Array.fromAsync(store.readStream("change")))[0]?.data, data);
  const keyed = await open(engine);
  const secret: Note = { type: "Note", data: { ...data, secret: { $sealed: ["x", "y", "z"] } } };
  await keyed.append("sealed", [secret], { expected: "new", types });
  assert.deepEqual((await Array.fromAsync(keyed.readStream("sealed", { types })))[0]?.data, secret.data);
  assert.deepEqual((await Array.fromAsync(keyed.readStream("plain", { types })))[0]?.data, data);
}
