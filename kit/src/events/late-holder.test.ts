import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openEventStore, openSubscription, type Subscription } from "./mod.ts";

const leaseMs = 400;

/** The engine as a process sees it whose calls hang while `isHung` says so. */
function hanging(engine: Engine, isHung: () => boolean, goOn: Promise<void>): Engine {
  const when = async <T>(call: () => Promise<T>): Promise<T> => {
    if (isHung()) await goOn;
    return await call();
  };
  return {
    can: engine.can,
    clock: engine.clock,
    commit: (changes) => when(() => engine.commit(changes)),
    claim: (request) => when(() => engine.claim(request)),
    extend: (receipts, ms) => when(() => engine.extend(receipts, ms)),
    read: (request) => when(() => engine.read(request)),
    stream: (request) => when(() => engine.stream(request)),
    get: (cells) => when(() => engine.get(cells)),
    scan: (query) => engine.scan(query),
    bell: (topics, ring) => engine.bell(topics, ring),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

test("a holder whose lease may be over begins with no further event before it knows", async () => {
  const clock = manualClock();
  const engine = await openMemoryEngine({ clock });
  const answered = gate();
  let state: "answers" | "hangs" = "answers";
  const slow = hanging(engine, () => state === "hangs", answered.promise);
  const handled: string[] = [];
  const inHand = gate();
  const follow = async (on: Engine, name: string, wait: Promise<void>): Promise<Subscription> =>
    await openSubscription({
      store: await openEventStore({ engine: on }),
      name: "follower",
      leaseMs,
      async handle({ version }) {
        handled.push(`${name} ${version}`);
        await wait;
      },
    });
  const late = await follow(slow, "late", inHand.promise);
  const store = await openEventStore({ engine });
  await store.append(
    "s",
    [
      { type: "A", data: {} },
      { type: "A", data: {} },
    ],
    { expected: "new" },
  );
  await clock.settle();
  expect(handled).toEqual(["late 1"]);

  state = "hangs";
  await clock.advance(leaseMs * 1.5);
  const next = await follow(engine, "next", Promise.resolve());
  await next.caughtUp();
  inHand.open();
  await clock.settle();
  expect(handled).toEqual(["late 1", "next 1", "next 2"]);

  state = "answers";
  answered.open();
  await clock.settle();
  expect((await late.status()).partitions[0]?.state).toBe("elsewhere");
  await clock.advance(leaseMs * 3);
  expect(handled).toEqual(["late 1", "next 1", "next 2"]);
  await next[Symbol.asyncDispose]();
  await late[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});
