import assert from "node:assert/strict";
import { manualClock, type ManualClock } from "../../clock/mod.ts";
import type { BusMessage, InvalidationBus } from "../mod.ts";
import type { TestFunction } from "./rule.ts";

/** A bus and how to be rid of it. */
export interface OpenedBus {
  readonly bus: InvalidationBus;
  /** Waits until what was published before has been delivered. */
  readonly delivered: () => Promise<void>;
  readonly dispose: () => PromiseLike<void>;
}

/** Opens a channel of its own for one test. */
export type OpenBus = (options: { readonly clock: ManualClock }) => Promise<OpenedBus>;

/** One promise of the port and its proof. */
export interface BusRule {
  readonly name: string;
  readonly run: (opened: OpenedBus) => Promise<void>;
}

const messageOf = (key: string): BusMessage => ({
  source: "test",
  target: { keys: [key] },
  mode: "hard",
  olderThan: undefined,
});

/** Every promise of the port, as rules that any bus can be held to. */
export const invalidationBusRules: readonly BusRule[] = [
  {
    name: "every listener hears every message, as it was published, in order, with numbers without gaps",
    run: async ({ bus, delivered }) => {
      const heard: [BusMessage, number][][] = [[], []];
      const subscriptions = await Promise.all(heard.map((list) => bus.subscribe((...told) => void list.push(told))));
      const first = subscriptions[0]?.sequence ?? 0;
      const messages = ["a", "b", "c", "d"].map(messageOf);
      for (const [index, message] of messages.entries()) assert.equal(await bus.publish(message), first + index + 1);
      await delivered();
      for (const list of heard)
        assert.deepEqual(
          list,
          messages.map((message, index) => [message, first + index + 1]),
        );
      for (const subscription of subscriptions) await subscription[Symbol.asyncDispose]();
    },
  },
  {
    name: "latest is the number of the last message, also to who was not listening",
    run: async ({ bus }) => {
      const before = await bus.latest();
      await bus.publish(messageOf("a"));
      assert.equal(await bus.latest(), before + 1);
      await using late = await bus.subscribe(() => undefined);
      assert.equal(late.sequence, before + 1);
    },
  },
  {
    name: "who has left hears nothing any more, and the others go on",
    run: async ({ bus, delivered }) => {
      const heard: string[] = [];
      const gone = await bus.subscribe(() => void heard.push("gone"));
      await using _stays = await bus.subscribe(() => void heard.push("stays"));
      await gone[Symbol.asyncDispose]();
      await gone[Symbol.asyncDispose]();
      await bus.publish(messageOf("a"));
      await delivered();
      assert.deepEqual(heard, ["stays"]);
    },
  },
];

/** Registers one test a rule. Each opens a channel of its own and closes it. */
export function exerciseInvalidationBus(name: string, open: OpenBus, runner: { readonly test: TestFunction }): void {
  for (const rule of invalidationBusRules)
    runner.test(`${name}: ${rule.name}`, async () => {
      const opened = await open({ clock: manualClock() });
      try {
        await rule.run(opened);
      } finally {
        await opened.dispose();
      }
    });
}
