import { type AnyDecider, openEventStore, type Stored, type SubscriptionContext, viewReader } from "ashlar/events";
import { checkConvergence, checkEffects, type Violation } from "ashlar/simulation/checkers";
import type { NodeHost, World } from "ashlar/simulation";
import { type BedEngine, broken, refuse } from "./bed.ts";
import type { Moved } from "./events-domain.ts";

interface EventHandling {
  readonly stream: string;
  readonly version: number;
  readonly delivery: "feed" | "redrive";
  readonly by: string;
  end: "returned" | "threw" | undefined;
}

/** A command that was refused, with the heads of the log around it. */
interface Rejection {
  readonly stream: string;
  readonly units: number;
  readonly before: number;
  readonly after: number;
}

/** What a proof of events has seen. */
export class EventHistory {
  readonly handlings: EventHandling[] = [];
  readonly unanswered = new Set<number>();
  readonly rejections: Rejection[] = [];
  /** How many events a command has left, as far as somebody was told. */
  readonly acknowledged = new Map<string, number>();
  /** The signal of a delivery stands for one holding of a partition: a process that holds it again has another. */
  readonly #holdings = new Map<AbortSignal, string>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Lease and time agree in all processes: nobody's clock has jumped or drifted. */
  get isTimeSound(): boolean {
    const { all } = this.#world.counters;
    return all["fault: clock jump"] === undefined && all["fault: clock drift"] === undefined;
  }

  started(
    host: NodeHost,
    { stream, version }: Stored<Moved>,
    { delivery, signal }: SubscriptionContext,
  ): EventHandling {
    const by = this.#holdings.get(signal) ?? `${host.name} ${host.epoch} holding ${this.#holdings.size}`;
    this.#holdings.set(signal, by);
    const handling: EventHandling = { stream, version, delivery, by, end: undefined };
    this.handlings.push(handling);
    return handling;
  }

  ended(handling: EventHandling, end: "returned" | "threw"): void {
    handling.end = end;
  }

  answered(number: number, status: "accepted" | "repeated" | "rejected"): void {
    this.unanswered.delete(number);
    if (status !== "accepted") this.#world.sometimes(`a command was ${status}`);
  }

  acknowledge(command: string, events: number): void {
    this.acknowledged.set(command, events);
  }

  rejected(rejection: Rejection): void {
    this.rejections.push(rejection);
  }
}

/** Everything that the README of ashlar/events promises, over what was seen and what the engine holds at the end. */
export async function checkEvents(history: EventHistory, engine: BedEngine, decider: AnyDecider): Promise<void> {
  const store = await openEventStore({ engine });
  const events = (await Array.fromAsync(store.readAll())) as readonly Stored[] as readonly Stored<Moved>[];
  const { events: effects } = await engine.read({ log: "effects", after: 0, limit: 10_000 });
  const view = viewReader<number>(store, "balances");
  const streams = [...new Set(events.map(({ stream }) => stream))];
  const shown = await Promise.all(streams.map(async (stream) => [stream, await view.get(stream)] as const));
  refuse([
    ...gaps(events),
    ...commandsOnce(history, events),
    ...neverBelowZero(events),
    ...rejectedForAReason(history, events),
    ...checkEffects(
      effects.map(({ data }) => ({ key: data })),
      "exactly once",
      events.flatMap(({ position, stream, version }) => (position % 3 === 0 ? [`${stream}@${version}`] : [])),
    ),
    ...effectsInOrder(effects.map(({ data }) => data)),
    ...checkEffects(
      history.handlings.filter(({ end }) => end === "returned").map((one) => ({ key: `${one.stream}@${one.version}` })),
      "at least once",
      events.map(({ stream, version }) => `${stream}@${version}`),
    ),
    ...(history.isTimeSound ? noStaleHolder(history) : []),
    ...checkConvergence(
      new Map<string, unknown>([
        ["log", sums(events)],
        ["view", Object.fromEntries(shown)],
      ]),
    ),
    ...broken("events: snapshots", "copies are wrong", await store.verifySnapshots(decider)),
  ]);
}

function gaps(events: readonly Stored<Moved>[]): readonly Violation[] {
  const versions = new Map<string, number>();
  const wrong = events.filter(({ position, stream, version }, index) => {
    const expected = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    return position !== index + 1 || version !== expected;
  });
  return broken("events: gaps", "positions or versions are not consecutive", wrong);
}

/** A command left all of its events or none, once, however often it was sent; what was acknowledged is there. */
function commandsOnce({ acknowledged }: EventHistory, events: readonly Stored<Moved>[]): readonly Violation[] {
  const left = Map.groupBy(events, ({ data }) => data.command);
  const wrong = [...left].filter(([command, all]) => {
    const isTransfer = Number(command.split(" ")[1]) % 3 !== 0;
    const sum = all.reduce((total, { data }) => total + data.units, 0);
    return isTransfer ? all.length !== 2 || sum !== 0 : all.length !== 1;
  });
  const lost = [...acknowledged].filter(([command, count]) => left.get(command)?.length !== count);
  return [
    ...broken("events: commands", "a command was recorded twice or in part", wrong),
    ...broken("events: lost", "a command was acknowledged and is not there", lost),
  ];
}

function neverBelowZero(events: readonly Stored<Moved>[]): readonly Violation[] {
  const balances = new Map<string, number>();
  const wrong = events.filter(({ stream, data }) => {
    const balance = (balances.get(stream) ?? 0) + data.units;
    balances.set(stream, balance);
    return balance < 0;
  });
  return broken("events: decisions", "a decision counted on a state that was not the one before it", wrong);
}

/** Somewhere between the heads around a rejected command there was too little. */
function rejectedForAReason({ rejections }: EventHistory, events: readonly Stored<Moved>[]): readonly Violation[] {
  const wrong = rejections.filter(({ stream, units, before, after }) => {
    let balance = 0;
    const balances = events.flatMap((event) => {
      if (event.stream === stream) balance += event.data.units;
      return event.position >= before && event.position <= after ? [balance] : [];
    });
    if (before === 0) balances.push(0);
    return !balances.some((at) => at + units < 0);
  });
  return broken("events: rejections", "a command was rejected that no committed state forbids", wrong);
}

function effectsInOrder(effects: readonly string[]): readonly Violation[] {
  const latest = new Map<string, number>();
  const wrong = effects.filter((effect) => {
    const [stream = "", version] = effect.split("@");
    const isLate = Number(version) <= (latest.get(stream) ?? 0);
    latest.set(stream, Number(version));
    return isLate;
  });
  return broken("events: order of effects", "effects of a stream lie in another order than its events", wrong);
}

/** Once a later holder has begun with a stream, no earlier one begins with any event of it. */
function noStaleHolder({ handlings }: EventHistory): readonly Violation[] {
  const wrong = [...Map.groupBy(handlings, ({ stream }) => stream).values()].flatMap((all) => {
    const holders: string[] = [];
    return all.filter(({ by }) => {
      const isBack = holders.includes(by) && holders.at(-1) !== by;
      if (holders.at(-1) !== by) holders.push(by);
      return isBack;
    });
  });
  return broken("events: stale holder", "a holder went on after another had taken over", wrong);
}

function sums(events: readonly Stored<Moved>[]): Readonly<Record<string, number>> {
  const balances: Record<string, number> = {};
  for (const { stream, data } of events) balances[stream] = (balances[stream] ?? 0) + data.units;
  return balances;
}
