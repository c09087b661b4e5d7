import assert from "node:assert/strict";
import type { OutgoingEvent, Publisher } from "../mod.ts";

/** A publisher under test, and the broker seen by a consumer. */
export interface OpenedPublisher {
  readonly publisher: Publisher;
  /** Waits until the broker holds `count` events or more, and reads all of them in the broker's order. */
  readonly held: (count: number) => Promise<readonly OutgoingEvent[]>;
  /** `once`: the broker itself drops what comes again with the same id. `repeats`: that is left to consumers. */
  readonly repeated: "once" | "repeats";
  readonly dispose: () => PromiseLike<void>;
}

/** Opens a place of its own at the broker for one test. */
export type OpenPublisher = () => Promise<OpenedPublisher>;

/** One promise of the port and its proof. */
export interface PublisherRule {
  readonly name: string;
  readonly run: (opened: OpenedPublisher) => Promise<void>;
}

function eventOf(position: number, differs: Partial<OutgoingEvent> = {}): OutgoingEvent {
  const common = { log: "shop", stream: "cart-1", version: position, type: "Added", meta: undefined, recordedAtMs: 7 };
  return { ...common, id: `shop@${position}`, position, data: `{"n":${position}}`, ...differs };
}

/** Every promise of the port, as rules that any publisher can be held to. */
export const publisherRules: readonly PublisherRule[] = [
  {
    name: "an event arrives as it was published, whatever its names and texts hold",
    run: async ({ publisher, held }) => {
      const events = [
        eventOf(1, { stream: "a b.c>*/ü😀", type: "Änderung mit\nUmbruch", data: '{"text":"\\u0000 😀 \\r\\n"}' }),
        eventOf(2, { stream: " ", meta: '{"correlationId":"c-1","name":"Zoë"}', recordedAtMs: 1_767_225_600_000 }),
        eventOf(3, { stream: "s".repeat(200), type: "t".repeat(200) }),
      ];
      for (const event of events) await publisher.publish(event);
      assert.deepEqual(await held(3), events);
    },
  },
  {
    name: "events of one stream that are published one after the other are held in that order",
    run: async ({ publisher, held }) => {
      const events = Array.from({ length: 50 }, (_, n) => eventOf(n + 1));
      for (const event of events) await publisher.publish(event);
      assert.deepEqual(await held(50), events);
    },
  },
  {
    name: "events of different streams may be published at once, and each is held",
    run: async ({ publisher, held }) => {
      const events = Array.from({ length: 50 }, (_, n) => eventOf(n + 1, { stream: `cart-${n}`, version: 1 }));
      await Promise.all(events.map((event) => publisher.publish(event)));
      const ids = (await held(50)).map(({ id }) => id);
      assert.deepEqual(ids.toSorted(), events.map(({ id }) => id).toSorted());
    },
  },
  {
    name: "an event that is published again keeps its id, and is held once where the broker says so",
    run: async ({ publisher, held, repeated }) => {
      for (const event of [eventOf(1), eventOf(1), eventOf(2)]) await publisher.publish(event);
      const ids = (await held(repeated === "once" ? 2 : 3)).map(({ id }) => id);
      assert.deepEqual(ids, repeated === "once" ? ["shop@1", "shop@2"] : ["shop@1", "shop@1", "shop@2"]);
    },
  },
  {
    name: "a signal that is aborted already publishes nothing",
    run: async ({ publisher, held }) => {
      const reason = new Error("given up");
      await assert.rejects(publisher.publish(eventOf(1), { signal: AbortSignal.abort(reason) }), reason);
      await publisher.publish(eventOf(2));
      assert.deepEqual(
        (await held(1)).map(({ id }) => id),
        ["shop@2"],
      );
    },
  },
  {
    name: "a publisher that is disposed refuses, and may be disposed again",
    run: async ({ publisher }) => {
      await publisher[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
      const error: unknown = await publisher.publish(eventOf(1)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.equal(error instanceof Error && Reflect.get(error, "code"), "DISPOSED");
    },
  },
];

/** Registers one test a rule. Each opens a place of its own and removes it. */
export function exercisePublisher(
  name: string,
  open: OpenPublisher,
  runner: { readonly test: (name: string, run: () => Promise<void>) => unknown },
): void {
  for (const rule of publisherRules)
    runner.test(`${name}: ${rule.name}`, async () => {
      const opened = await open();
      try {
        await rule.run(opened);
      } finally {
        await opened.dispose();
      }
    });
}
