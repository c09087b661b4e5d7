import assert from "node:assert/strict";
import { added, counterEvents, place } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

const one = [added(1)];

/** Appending and reading back. */
export const appendRules: readonly EventsRule[] = [
  { name: "a peer's defect: every wrong expected version is refused, with the actual one", run: wrongVersions },
  {
    name: "scenario 15: of 64 appends that expect the same version one succeeds and 63 learn the actual version",
    run: storm,
  },
  { name: "scenario 13: refused appends leave no gap in the positions", run: noGaps },
  {
    name: "a peer's defect: events of one stream are never handed out in another order than their versions",
    run: streamOrder,
  },
  { name: "a command id appends once", run: commandId },
];

async function wrongVersions({ store }: EventsBed): Promise<void> {
  for (const expected of ["existing", 1, 7] as const)
    assert.deepEqual(await store.append("s", one, { expected }), { status: "conflict", expected, actual: 0 });
  assert.deepEqual(await store.append("s", one, { expected: "new" }), { status: "appended", version: 1 });
  for (const expected of ["new", 0, 2] as const)
    assert.deepEqual(await store.append("s", one, { expected }), { status: "conflict", expected, actual: 1 });
  assert.deepEqual(await store.append("s", one, { expected: "existing" }), { status: "appended", version: 2 });
  assert.deepEqual(await store.append("s", one, { expected: "any" }), { status: "appended", version: 3 });
  assert.deepEqual(await store.append("s", one, { expected: 3 }), { status: "appended", version: 4 });
}

async function storm({ store }: EventsBed): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 64 }, () => store.append("s", one, { expected: 0 })));
  assert.equal(answers.filter(({ status }) => status === "appended").length, 1);
  assert(answers.every((answer) => answer.status !== "conflict" || answer.actual === 1));
}

async function noGaps({ store }: EventsBed): Promise<void> {
  await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      store.append(`s${index % 10}`, one, { expected: index % 5 === 0 ? 99 : "any" }),
    ),
  );
  const positions = (await Array.fromAsync(store.readAll())).map(({ position }) => position);
  assert.deepEqual(
    positions,
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
}

async function streamOrder({ store }: EventsBed): Promise<void> {
  await Promise.all(Array.from({ length: 60 }, (_, index) => store.append(`s${index % 3}`, one, { expected: "any" })));
  const seen = await Array.fromAsync(store.readAll({ types: counterEvents }));
  for (const stream of ["s0", "s1", "s2"]) {
    const versions = seen.filter((event) => event.stream === stream).map(({ version }) => version);
    assert.deepEqual(
      versions,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    assert.equal(
      (await Array.fromAsync(store.readStream(stream, { upTo: { version: 7 } }))).map(place).at(-1),
      `${stream}@7`,
    );
  }
}

async function commandId({ store }: EventsBed): Promise<void> {
  await Promise.all(Array.from({ length: 8 }, () => store.append("s", one, { expected: "any", commandId: "c" })));
  assert.equal((await Array.fromAsync(store.readStream("s"))).length, 1);
}
