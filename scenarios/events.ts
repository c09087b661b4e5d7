import type { Change } from "ashlar/engine";
import {
  type EventStore,
  openEventStore,
  openProjection,
  openSubscription,
  type Stored,
  type Subscription,
  type SubscriptionContext,
} from "ashlar/events";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkEvents, EventHistory } from "./events-check.ts";
import { account, balances, type Moved, types } from "./events-domain.ts";

const nodes = ["node-a", "node-b", "node-c"];
const accounts = ["red", "green", "blue", "grey"];
/** Shorter than the second after which a checkpoint is recorded in any case, so that only the lease can stop a late holder. */
export const leaseMs = 400;
const commandsCount = 16;

/** Every promise of ashlar/events, on one of the engines. */
export function eventsProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "events" : `events-${kind}`,
    about:
      "decisions on committed state, commands once, events of a stream in order, effects and views once, nothing skipped",
    phases: { warmUpMs: 100, chaosMs: 4_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 12),
    sometimes: ["a command was rejected", "a command was repeated", "transferred", "parked", "redriven", "given up"],
    async open(world, { healed }) {
      const bed = await openBed(world, kind);
      const history = new EventHistory(world);
      const stage: Stage = {
        world,
        bed,
        history,
        healed,
        sent: 0,
        over: Promise.withResolvers<void>(),
        feeds: new Map(),
      };
      for (const name of nodes) void world.node(name, { start: (host) => startNode(stage, host) }).start();
      return {
        finish: async () => {
          await stage.over.promise;
          await caughtUp(stage);
        },
        check: async () => checkEvents(history, await bed.look(), account),
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: EventHistory;
  readonly healed: AbortSignal;
  /** Commands that somebody has begun to send. */
  sent: number;
  readonly over: PromiseWithResolvers<void>;
  readonly feeds: Map<string, OpenFeeds>;
}

interface OpenFeeds {
  readonly epoch: number;
  readonly mover: Subscription;
  readonly view: Subscription;
}

async function startNode(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const engine = await stage.bed.open(host);
  const store = await openEventStore({ engine, conflictsMax: 50 });
  const options = {
    partitions: 2,
    leaseMs,
    pollMs: 1_000,
    retryMs: 20,
    attemptsMax: 2,
    random: host.random.stream("feed"),
  };
  const mover = await openSubscription<Moved>({
    ...options,
    store,
    name: "mover",
    types,
    batchMax: 4,
    handle: (event, context) => handle(stage, host, { event, context }),
  });
  const view = await openProjection({ ...options, store, projection: balances });
  stage.feeds.set(host.name, { epoch: host.epoch, mover, view });
  void sendCommands(stage, host, store);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([mover[Symbol.asyncDispose](), view[Symbol.asyncDispose]()]);
      await engine[Symbol.asyncDispose]();
    },
  };
}

interface Delivery {
  readonly event: Stored<Moved>;
  readonly context: SubscriptionContext;
}

/** An effect outside, and for every third event one inside. Some events are poison until all is healed. */
async function handle(stage: Stage, host: NodeHost, { event, context }: Delivery): Promise<readonly Change[]> {
  const { history, healed, world } = stage;
  const handling = history.started(host, event, context);
  const { position, stream, version } = event;
  context.signal.addEventListener("abort", () => world.sometimes("given up"));
  try {
    await host.clock.sleep(host.random.pick([0, 20, 100, 300]));
    if (position % 11 === 3 && !healed.aborted) throw new Error("poison");
    history.ended(handling, "returned");
    if (position % 3 !== 0) return [];
    const data = `${stream}@${version}`;
    return [{ op: "append", log: "effects", stream, expected: "any", events: [{ type: "Effect", data }] }];
  } catch (error) {
    history.ended(handling, "threw");
    throw error;
  }
}

/** Nodes share the list of commands; one that dies in the middle of one leaves it to be sent again. */
async function sendCommands(stage: Stage, host: NodeHost, store: EventStore): Promise<void> {
  const { history, healed } = stage;
  while (!healed.aborted || history.unanswered.size > 0 || stage.sent < commandsCount) {
    if (host.stopping.aborted) return;
    const isNew = stage.sent < commandsCount && (history.unanswered.size === 0 || host.random.next() < 0.6);
    const number = isNew ? stage.sent++ : host.random.pick([...history.unanswered, 0]);
    await send(stage, host, { store, number });
    await host.clock.sleep(host.random.integer(0, 400));
  }
  stage.over.resolve();
}

async function send(
  { history, world }: Stage,
  host: NodeHost,
  { store, number }: { readonly store: EventStore; readonly number: number },
): Promise<void> {
  const commandId = `command ${number}`;
  const [from = "", to = ""] = [accounts[number % 4], accounts[(number + 1) % 4]];
  const units = (number % 5) + 1;
  history.unanswered.add(number);
  try {
    const before = await headOf(store);
    if (number % 3 === 0) {
      const isPayingIn = number % 2 === 0;
      const command = { command: commandId, units: isPayingIn ? units * 2 : -units };
      const result = await store.execute(account, from, command, { commandId });
      history.answered(number, result.status);
      if (result.status === "rejected")
        return history.rejected({
          stream: `account/${from}`,
          units: command.units,
          before,
          after: await headOf(store),
        });
      for (const event of result.events) history.acknowledge(event.data.command, 1);
      return;
    }
    const calls = [
      { decider: account, id: from, command: { command: commandId, units: -units } },
      { decider: account, id: to, command: { command: commandId, units } },
    ] as const;
    const result = await store.executeAll(calls, { commandId });
    history.answered(number, result.status);
    if (result.status === "rejected")
      return history.rejected({ stream: `account/${from}`, units: -units, before, after: await headOf(store) });
    world.sometimes("transferred");
    history.acknowledge(commandId, 2);
  } catch {
    await host.clock.sleep(100); // the store refuses for a while; the command is sent again
  }
}

/** Redrives what is parked until nothing is, and waits until both feeds have handled everything. */
async function caughtUp(stage: Stage): Promise<void> {
  const { world } = stage;
  const { mover, view } = await openFeeds(stage);
  for (;;) {
    await mover.caughtUp();
    if ((await mover.status()).parkedStreams === 0) break;
    world.sometimes("parked");
    if ((await mover.parked.redrive()) > 0) world.sometimes("redriven");
    await world.clock.sleep(200);
  }
  await view.caughtUp();
}

/** Those of a process that lives. */
async function openFeeds({ world, feeds }: Stage): Promise<OpenFeeds> {
  for (;;) {
    const found = feeds.entries().find(([name, { epoch }]) => isUp(world, name, epoch));
    if (found !== undefined) return found[1];
    await world.clock.sleep(100);
  }
}

function isUp(world: World, name: string, epoch: number): boolean {
  const node = world.nodes.get(name);
  return node?.state === "up" && node.epoch === epoch;
}

async function headOf(store: EventStore): Promise<number> {
  return (await store.engine.read({ log: store.log, after: 0, limit: 1 })).head;
}
