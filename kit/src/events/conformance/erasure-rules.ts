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
