import { gate, type Gate } from "ashlar/abort";
import { manualClock, type ManualClock } from "ashlar/clock";
import { UnavailableError } from "ashlar/contract";
import { openMemoryEngine } from "ashlar/engine/memory";
import { openEventStore, type EventStore } from "ashlar/events";
import { seededRandom } from "ashlar/random";
import { openSagas } from "ashlar/saga";
import { expect, test } from "vitest";
import { orderSaga, type Neighbours } from "./order-saga.ts";
import { OrderWatch } from "./order-watch.ts";
import type { PlacedOrder } from "./order.ts";
import { Orders } from "./orders.ts";
import { PlacedOrders } from "./placed-orders.ts";

const order: PlacedOrder = {
  lines: [{ code: "MUG", quantity: 2, totalMinor: 500 }],
  customer: "ada",
  country: "France",
  placedAt: "2026-01-01 00:00:00",
  totalMinor: 500,
  method: "paypal",
};

type Step = "reserve" | "charge" | "send" | "dispatch";

interface World {
  readonly clock: ManualClock;
  readonly orders: Orders;
  /** What the neighbours were asked for, in turn. */
  readonly asked: string[];
  /** Holds back the answer of a neighbour. */
  readonly held: Map<Step, Gate<void>>;
  /** What a neighbour says instead. */
  readonly says: Map<Step, () => unknown>;
  /** Types of the order's events. */
  readonly history: () => Promise<readonly string[]>;
  /** Ends of the order that others were told. */
  readonly told: () => Promise<readonly string[]>;
}

async function withOrder(run: (world: World) => Promise<void>): Promise<void> {
  const clock = manualClock({ nowMs: 1_000_000 });
  await using engine = await openMemoryEngine({ clock });
  const store = await openEventStore({ engine });
  const asked: string[] = [];
  const held = new Map<Step, Gate<void>>();
  const says = new Map<Step, () => unknown>();
  const answers = (step: Step, usual: unknown) => async (input: unknown) => {
    asked.push(`${step} ${JSON.stringify(input)}`);
    await held.get(step)?.promise;
    return (says.get(step) ?? (() => usual))();
  };
  const undoes = (name: string) => (input: unknown) => (
    asked.push(`${name} ${JSON.stringify(input)}`),
    Promise.resolve({})
  );
  const needs = {
    inventory: {
      reserve: answers("reserve", { status: "reserved" }),
      dispatch: answers("dispatch", {}),
      release: undoes("release"),
    },
    payments: { charge: answers("charge", { status: "captured", method: "paypal" }), refund: undoes("refund") },
    shipping: { send: answers("send", { status: "sent", tracking: "parcel-1" }), recall: undoes("recall") },
  } as unknown as Neighbours;
  const emit = {
    ended: (data: { readonly status: string }) =>
      store.change("told/1", [{ type: data.status, data }], { expected: "any" }),
    sold: (data: object) => store.change("told/1", [{ type: "sold", data }], { expected: "any" }),
  } as unknown as Parameters<typeof orderSaga>[0]["emit"];
  const [placed, watch] = [new PlacedOrders(store), new OrderWatch(clock)];
  const definition = orderSaga({ store, needs, emit, placed, watch });
  await using sagas = await openSagas({ engine, sagas: [definition], random: seededRandom(1) });
  const orders = new Orders({ store, sagas, saga: definition, placed, watch });
  const { changes } = orders.placing("1", order, []);
  await engine.commit(changes);
  await run({
    clock,
    orders,
    asked,
    held,
    says,
    history: () => typesOf(store, "order/1"),
    told: () => typesOf(store, "told/1"),
  });
}

async function typesOf({ engine, log }: EventStore, name: string): Promise<readonly string[]> {
  const { events } = await engine.read({ log, after: 0, limit: 100 });
  return events.filter(({ stream }) => stream === name).map(({ type }) => type);
}

/** What was asked for, without what with. */
function names(asked: readonly string[]): readonly string[] {
  return asked.map((text) => text.slice(0, text.indexOf(" ")));
}

test("an order is reserved, charged, sent, sold and dispatched, each once, and told once", async () => {
  await withOrder(async ({ asked, clock, history, told }) => {
    await clock.advance(1_000);
    expect(asked).toEqual([
      'reserve {"order":"1","goods":[{"code":"MUG","quantity":2}]}',
      'charge {"order":"1","payer":"ada","amountMinor":500,"method":"paypal"}',
      'send {"order":"1","units":2}',
      'dispatch {"order":"1"}',
    ]);
    expect(await history()).toEqual(["Placed", "StockReserved", "Charged", "ParcelSent", "Confirmed"]);
    expect(await told()).toEqual(["confirmed", "sold"]);
  });
});

test.each<[Step, readonly string[]]>([
  ["reserve", ["reserve", "release"]],
  ["charge", ["reserve", "charge", "refund", "release"]],
  ["send", ["reserve", "charge", "send", "recall", "refund", "release"]],
])(
  "an order that is called off during %s is undone behind it, in reverse, and told as rejected",
  async (step, expected) => {
    await withOrder(async ({ asked, clock, held, history, orders, told }) => {
      const answer = gate();
      held.set(step, answer);
      await clock.advance(1_000);
      expect(await orders.cancel("1")).toBe("called off");
      expect(await orders.cancel("1")).toBe("called off");
      answer.open();
      await clock.advance(1_000);
      expect(names(asked)).toEqual(expected);
      expect(await told()).toEqual(["rejected"]);
      expect((await history()).filter((type) => type === "CalledOff" || type === "Confirmed")).toEqual(["CalledOff"]);
      expect(await orders.cancel("1")).toBe("too late");
    });
  },
);

test("an order that is sold is not called off any more, wherever its goods are", async () => {
  await withOrder(async ({ clock, held, history, orders }) => {
    const answer = gate();
    held.set("dispatch", answer);
    await clock.advance(1_000);
    expect(await orders.cancel("1")).toBe("too late");
    answer.open();
    expect((await history()).at(-1)).toBe("Confirmed");
  });
});

test.each<[string, Step, object, readonly string[]]>([
  ["there is too little of", "reserve", { status: "out of stock" }, ["reserve"]],
  ["is not paid", "charge", { status: "refused", reason: "declined" }, ["reserve", "charge", "release"]],
  ["no carrier takes", "send", { status: "refused" }, ["reserve", "charge", "send", "refund", "release"]],
])("an order that %s is undone and told once", async (_what, step, answer, expected) => {
  await withOrder(async ({ asked, clock, history, says, told }) => {
    says.set(step, () => answer);
    await clock.advance(1_000);
    expect(names(asked)).toEqual(expected);
    expect((await history()).at(-1)).toBe("Rejected");
    expect(await told()).toEqual(["rejected"]);
  });
});

test.each<Step>(["reserve", "charge", "send", "dispatch"])(
  "an order goes on when who is asked to %s was away for two hours",
  async (step) => {
    await withOrder(async ({ asked, clock, history, says, told }) => {
      says.set(step, () => {
        throw new UnavailableError(`the neighbour who has to ${step}`, "away");
      });
      await clock.advance(7_200_000);
      expect(names(asked)).not.toContain("release");
      says.clear();
      await clock.advance(120_000);
      expect(await history()).toEqual(["Placed", "StockReserved", "Charged", "ParcelSent", "Confirmed"]);
      expect(await told()).toEqual(["confirmed", "sold"]);
    });
  },
);
