import assert from "node:assert/strict";
import { systemClock } from "../../clock/mod.ts";
import type { Bus, BusFault, BusMessage } from "../mod.ts";

/** Two buses that reach each other, and how the way between them is cut, if it can be. */
export interface BusPair extends AsyncDisposable {
  readonly one: Bus;
  readonly two: Bus;
  /** Loses the connection of `two`; it comes back by itself. */
  readonly cut?: (() => void) | undefined;
}

/** Opens a pair of its own for one test. */
export type OpenBusPair = (options: { readonly onFault: BusFault }) => Promise<BusPair>;

/** The test function of a runner. */
export interface BusTestFunction {
  (name: string, run: () => Promise<void>): unknown;
  readonly skip: (name: string, run: () => Promise<void>) => unknown;
}

/** How the suite runs. */
export interface ExerciseBusOptions {
  readonly test: BusTestFunction;
  /** What this bus does not have, with the reason; it must be refused. */
  readonly lacks?: { readonly groups?: string; readonly cut?: string };
}

interface Bed {
  readonly pair: BusPair;
  readonly faults: readonly { readonly subject: string; readonly error: unknown }[];
}

interface Rule {
  readonly name: string;
  readonly needs?: "groups" | "cut";
  readonly run: (bed: Bed) => Promise<void>;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let look = 0; !holds(); look++) {
    if (look > 1_000) assert.fail(`${what} does not come about`);
    await systemClock.sleep(10);
  }
}

/** What a subscriber hears, as text. */
async function hear(
  bus: Bus,
  pattern: string,
  group?: string,
): Promise<AsyncDisposable & { readonly heard: readonly string[] }> {
  const heard: string[] = [];
  const take = ({ subject, body }: BusMessage): void => void heard.push(`${subject}=${body}`);
  const subscription = await bus.subscribe(pattern, { heard: take, group });
  return { heard, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() };
}

async function codeOf(work: Promise<unknown>): Promise<readonly unknown[]> {
  try {
    await work;
  } catch (error) {
    return error instanceof Error ? [Reflect.get(error, "code"), Reflect.get(error, "reason")] : [];
  }
  return assert.fail("the call had to reject");
}

const rules: readonly Rule[] = [
  {
    name: "every subscription of every bus hears a message once, in the order of one publisher",
    run: async ({ pair: { one, two } }) => {
      await using near = await hear(one, "a.b");
      await using far = await hear(two, "a.b");
      const sent = Array.from({ length: 100 }, (_, n) => String(n));
      for (const body of sent) await one.publish("a.b", body);
      await until(() => far.heard.length >= 100 && near.heard.length >= 100, "hearing all");
      assert.deepEqual(
        far.heard,
        sent.map((body) => `a.b=${body}`),
      );
      assert.deepEqual(near.heard, far.heard);
    },
  },
  {
    name: "a subject is heard alone, a pattern hears all below it and not itself",
    run: async ({ pair: { one, two } }) => {
      await using exact = await hear(two, "x.y");
      await using below = await hear(two, "x.>");
      for (const subject of ["x", "x.y", "x.y.z", "xx.y", "x.yy"]) await one.publish(subject, "1");
      await until(() => below.heard.length >= 3 && exact.heard.length >= 1, "hearing what fits");
      assert.deepEqual(exact.heard, ["x.y=1"]);
      assert.deepEqual(below.heard, ["x.y=1", "x.y.z=1", "x.yy=1"]);
    },
  },
  {
    name: "of a group one hears each message, groups and single ones apart",
    needs: "groups",
    run: async ({ pair: { one, two } }) => {
      await using first = await hear(one, "work", "g");
      await using second = await hear(two, "work", "g");
      await using other = await hear(two, "work", "h");
      await using single = await hear(two, "work");
      for (let n = 0; n < 40; n++) await one.publish("work", String(n));
      await until(() => single.heard.length === 40 && other.heard.length === 40, "hearing all");
      await until(() => first.heard.length + second.heard.length >= 40, "hearing all in the group");
      assert.equal(new Set([...first.heard, ...second.heard]).size, 40);
      assert(first.heard.length > 0 && second.heard.length > 0, "both take their part");
    },
  },
  {
    name: "groups of one name and different patterns are different groups",
    needs: "groups",
    run: async ({ pair: { one, two } }) => {
      await using exact = await hear(one, "job.a", "g");
      await using below = await hear(two, "job.>", "g");
      for (let n = 0; n < 20; n++) await one.publish("job.a", String(n));
      await until(() => exact.heard.length === 20 && below.heard.length === 20, "hearing all by both");
    },
  },
  {
    name: "nothing is heard after a subscription was disposed, nor what was published before there was one",
    run: async ({ pair: { one, two } }) => {
      await one.publish("s", "before");
      const gone = await hear(two, "s");
      await gone[Symbol.asyncDispose]();
      await gone[Symbol.asyncDispose]();
      await using stays = await hear(two, "s");
      await one.publish("s", "after");
      await until(() => stays.heard.length > 0, "hearing");
      assert.deepEqual([gone.heard, stays.heard], [[], ["s=after"]]);
    },
  },
  {
    name: "a slow subscriber loses the oldest, counts them, is told, and holds up nobody",
    run: async ({ pair: { one, two } }) => {
      const heard: string[] = [];
      const gaps: string[] = [];
      let go = (): void => undefined;
      const held = new Promise<void>((resolve) => (go = resolve));
      await using slow = await two.subscribe("s", {
        heard: async ({ body }) => {
          heard.push(body);
          await held;
        },
        gap: (why) => void gaps.push(why),
        waitingMax: 3,
      });
      await using quick = await hear(two, "s");
      for (let n = 0; n < 10; n++) await one.publish("s", String(n));
      await until(() => quick.heard.length === 10, "hearing by the quick one");
      await until(() => slow.dropped === 6, "dropping");
      go();
      await until(() => heard.length === 4, "hearing what is left");
      assert.deepEqual(heard, ["0", "7", "8", "9"]);
      assert.deepEqual(
        gaps,
        Array.from({ length: 6 }, () => "slow"),
      );
    },
  },
  {
    name: "a listener that throws is reported and hears the next message",
    run: async ({ pair: { one, two }, faults }) => {
      const heard: string[] = [];
      await using _subscription = await two.subscribe("t", {
        heard: ({ body }) => {
          heard.push(body);
          if (body === "1") throw new Error("no use");
        },
      });
      await one.publish("t", "1");
      await one.publish("t", "2");
      await until(() => heard.length === 2, "hearing both");
      assert.deepEqual(
        faults.map(({ subject, error }) => [subject, String(error)]),
        [["t", "Error: no use"]],
      );
    },
  },
  {
    name: "a request is answered, from far and near, many at the same time, each with its own answer",
    run: async ({ pair: { one, two } }) => {
      await using _responder = await two.respond("sum", { answer: ({ body }) => `${body}!` });
      const asked = Array.from({ length: 50 }, (_, n) =>
        (n % 2 === 0 ? one : two).request("sum", String(n), { withinMs: 10_000 }),
      );
      assert.deepEqual(
        await Promise.all(asked),
        asked.map((_, n) => `${n}!`),
      );
    },
  },
  {
    name: "what the responder throws, and that nobody answers, is told to whoever asked",
    run: async ({ pair: { one, two } }) => {
      await using _responder = await two.respond("bad", {
        answer: () => {
          throw new Error("out of tea");
        },
      });
      await assert.rejects(one.request("bad", "", { withinMs: 10_000 }), /out of tea/);
      assert.deepEqual(await codeOf(one.request("bad", "", { withinMs: 10_000 })), ["BUS", "failed"]);
      assert.deepEqual(await codeOf(one.request("none", "", { withinMs: 50 })), ["BUS", "no-answer"]);
    },
  },
  {
    name: "a request ends with the reason of its signal",
    run: async ({ pair: { one } }) => {
      const stop = new AbortController();
      const asked = one.request("none", "", { withinMs: 60_000, signal: stop.signal });
      stop.abort(new Error("enough"));
      await assert.rejects(asked, /enough/);
    },
  },
  {
    name: "a responder is not heard by subscribers, nor a subscriber asked",
    run: async ({ pair: { one, two } }) => {
      await using heard = await hear(two, "both");
      await using _responder = await two.respond("both", { answer: () => "answer" });
      assert.equal(await one.request("both", "question", { withinMs: 10_000 }), "answer");
      await one.publish("both", "news");
      await until(() => heard.heard.length > 0, "hearing");
      assert.deepEqual(heard.heard, ["both=news"]);
    },
  },
  {
    name: "bodies come as they were, and one that is too long is refused",
    run: async ({ pair: { one, two } }) => {
      const texts = ["", "'\"\\;--", "😀 ß\u2028", "x".repeat(5_000), '{"a":1}'];
      await using heard = await hear(two, "text");
      for (const text of texts) await one.publish("text", text);
      await until(() => heard.heard.length === texts.length, "hearing all");
      assert.deepEqual(
        heard.heard,
        texts.map((text) => `text=${text}`),
      );
      assert.deepEqual(await codeOf(one.publish("text", "x".repeat(one.bodyBytesMax + 1))), ["BUS", "too-long"]);
    },
  },
  {
    name: "subjects, patterns and times that cannot be are ConfigErrors",
    run: async ({ pair: { one } }) => {
      const heard = (): void => undefined;
      for (const subject of ["", ".", "a..b", "a b", "a.>", "a.*", "é", "x".repeat(201)])
        assert.deepEqual((await codeOf(one.publish(subject, "")))[0], "CONFIG", subject);
      for (const pattern of ["", ">", "a.>.b", "a.*"])
        assert.deepEqual((await codeOf(one.subscribe(pattern, { heard })))[0], "CONFIG", pattern);
      assert.deepEqual((await codeOf(one.subscribe("a", { heard, waitingMax: 0 })))[0], "CONFIG");
      assert.deepEqual((await codeOf(one.request("a", "", { withinMs: 0 })))[0], "CONFIG");
    },
  },
  {
    name: "after its disposal a bus refuses calls, and its requests end",
    run: async ({ pair: { one } }) => {
      const asked = one.request("none", "", { withinMs: 60_000 });
      const ended = codeOf(asked);
      await systemClock.sleep(50);
      await one[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
      assert.deepEqual((await ended)[0], "DISPOSED");
      assert.deepEqual((await codeOf(one.publish("a", "")))[0], "DISPOSED");
    },
  },
  {
    name: "a subscriber whose connection was lost hears again, and is told that messages may be missing",
    needs: "cut",
    run: async ({ pair }) => {
      const { one, two } = pair;
      const gaps: string[] = [];
      const heard: string[] = [];
      await using _subscription = await two.subscribe("c", {
        heard: ({ body }) => void heard.push(body),
        gap: (why) => void gaps.push(why),
      });
      await one.publish("c", "1");
      await until(() => heard.length === 1, "hearing");
      pair.cut?.();
      await until(() => gaps.includes("reconnected"), "being told of the gap");
      await one.publish("c", "2");
      await until(() => heard.length === 2, "hearing again");
      assert.deepEqual(heard, ["1", "2"]);
    },
  },
];

const groupsRefused: Rule = {
  name: "groups are refused with UnsupportedError",
  run: async ({ pair: { one } }) => {
    assert.deepEqual((await codeOf(one.subscribe("a", { heard: () => undefined, group: "g" })))[0], "UNSUPPORTED");
  },
};

/** Registers one test for every rule of the bus; a bus is supported when all of them pass. */
export function exerciseBus(name: string, openPair: OpenBusPair, { test, lacks = {} }: ExerciseBusOptions): void {
  for (const rule of [...rules, ...(lacks.groups === undefined ? [] : [groupsRefused])]) {
    const reason = rule.needs === undefined ? undefined : lacks[rule.needs];
    if (reason === undefined) test(`${name}: ${rule.name}`, () => prove(rule, openPair));
    else test.skip(`${name}: ${rule.name} (skipped: ${reason})`, () => prove(rule, openPair));
  }
}

async function prove(rule: Rule, openPair: OpenBusPair): Promise<void> {
  const faults: { readonly subject: string; readonly error: unknown }[] = [];
  await using pair = await openPair({ onFault: (fault) => void faults.push(fault) });
  await rule.run({ pair, faults });
}
