import { retryPlan } from "ashlar/queue";
import { choreography, saga, type SagaContext, type SagaDefinition, type StepContext } from "ashlar/saga";
import type { NodeHost, World } from "ashlar/simulation";
import type { BedEngine } from "./bed.ts";
import type { Decided, FlowsHistory, Message, Move } from "./saga-flows-history.ts";

/** Where a definition runs; without a host it is only looked at. */
export interface Place {
  readonly world: World;
  readonly history: FlowsHistory;
  readonly engine: BedEngine;
  readonly host: NodeHost | undefined;
}

const leaseMs = 500;
export const roundsCount = 4;
export const patienceMs = 700;
const decisionMs = 900;
const rules = {
  version: "1",
  leaseMs,
  crashesMax: 1_000,
  retry: retryPlan({ attemptsMax: 50, firstMs: 20, capMs: 200 }),
};

/** An effect outside, under its key. */
async function effect({ history, host }: Place, context: SagaContext<never>, name: string): Promise<string> {
  const act = async ({ key }: StepContext): Promise<string> => {
    if (host === undefined) return key;
    const begun = history.begun(host, key, "step");
    await host.clock.sleep(host.random.pick([0, 0, 20, 300]));
    if (host.random.next() < 0.1) throw new Error("the other side is busy");
    begun.end = "done";
    return key;
  };
  const key = await context.step(name, act);
  history.recorded(key);
  return key;
}

/** Waits for a person, and acts when he agrees. */
export function approving(place: Place): SagaDefinition<number, Decided> {
  return saga("approving", rules, async (_: number, context): Promise<Decided> => {
    const { approved, by } = await context.approval("boss", { withinMs: decisionMs, otherwise: "reject" });
    if (approved) await effect(place, context as SagaContext<never>, "act");
    return { approved, by };
  });
}

interface Rounds {
  readonly done: number;
}

/** Adds one to a cell in each round, and forgets the round. In version 2 the state has another shape. */
export function loopingOne(place: Place): SagaDefinition<string, string, number> {
  return saga<string, string, number>("looping", rules, async (id, context) => {
    for (let round = context.restored ?? 0; round < roundsCount; round++) {
      await playRound(place, context as SagaContext<never>, id);
      await context.checkpoint(round + 1);
    }
    return `1: ${roundsCount}`;
  });
}

export function loopingTwo(place: Place): SagaDefinition<string, string, Rounds> {
  const migrate = { "1": (state: unknown): Rounds => ({ done: Number(state ?? 0) }) };
  return saga<string, string, Rounds>("looping", { ...rules, version: "2", migrate }, async (id, context) => {
    for (let round = context.restored?.done ?? 0; round < roundsCount; round++) {
      await playRound(place, context as SagaContext<never>, id);
      await context.checkpoint({ done: round + 1 });
    }
    place.world.sometimes("a run moved to the next version");
    return `2: ${roundsCount}`;
  });
}

async function playRound(place: Place, context: SagaContext<never>, id: string): Promise<void> {
  const cell = { space: "rounds", key: id };
  await context.step.commit("count", async () => {
    const [found] = await place.engine.get([cell]);
    const value = String(Number(found?.value ?? 0) + 1);
    return { result: value, changes: [{ op: "put", cell, expect: found?.version ?? "absent", value }] };
  });
  await effect(place, context, "work");
  await context.sleep("pause", 50);
}

/** A child that ends, and one that takes long. */
export function kid(place: Place): SagaDefinition<number, number> {
  return saga("kid", rules, async (lengthMs: number, context) => {
    await context.sleep("growing", lengthMs);
    await effect(place, context as SagaContext<never>, "play");
    return lengthMs;
  });
}

/** How a family ends: `well`, or in failure after its first child, or after a race that the slow one loses. */
export type FamilyEnd = "well" | "after the child" | "after the race";

export function family(place: Place): SagaDefinition<FamilyEnd, string> {
  const { history, host } = place;
  return saga("family", rules, async (end: FamilyEnd, context) => {
    const undo = (_: number, { key }: StepContext): void => {
      if (host !== undefined) history.begun(host, key, "undo").end = "done";
    };
    await context.child(kid(place), `${context.id}-first`, 50, { undo });
    if (end === "after the child") context.fail("drawn");
    const { winner } = await context.race({
      slow: context.child(kid(place), `${context.id}-slow`, 4_000, { undo }),
      late: context.sleep("late", 200),
    });
    if (end === "after the race") context.fail("drawn");
    return winner;
  });
}

/** Fails for good at its last step, unless it is a fork. */
export function forking(place: Place): SagaDefinition<number, string> {
  return saga("forking", rules, async (_: number, context) => {
    await effect(place, context as SagaContext<never>, "before");
    await context.step(
      "last",
      ({ key }) => {
        if (!key.includes("/fork-")) throw new Error("not in the first run");
        if (place.host !== undefined) place.history.begun(place.host, key, "step").end = "done";
      },
      { retry: retryPlan({ attemptsMax: 1, firstMs: 0 }) },
    );
    return context.id;
  });
}

interface OrderState {
  readonly order: string;
  readonly status: string;
}

/** Every reaction lies in the log, with the state that it found. */
export const orders = choreography<OrderState, Message>("orders", {
  initial: { order: "", status: "new" },
  correlate: ({ order }) => order,
  on: {
    ordered: (from, message) => ({ ...moved(from, { ...message, to: "waiting" }), timeouts: { patience: patienceMs } }),
    paid: (from, message) => ({ ...moved(from, { ...message, to: "paid" }), timeouts: { patience: undefined } }),
    closed: (from, message) => ({ ...moved(from, { ...message, to: "new" }), ends: "yes" }),
  },
  timeouts: { patience: (from) => moved(from, { order: from.order, id: "patience", to: "lapsed" }) },
});

function moved(
  { status: from }: OrderState,
  next: { readonly order: string; readonly id: string; readonly to: string },
) {
  const { order, id, to } = next;
  const move: Move = { id, from, to };
  const events = [{ type: "Moved", data: JSON.stringify(move) }];
  const change = { op: "append", log: "moves", stream: order, expected: "any", events } as const;
  return { state: { order, status: to }, changes: [change] };
}
