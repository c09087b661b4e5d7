import { abortable } from "ashlar/abort";
import {
  type EventStore,
  openEventStore,
  openProjection,
  openSubjectKeys,
  openSubscription,
  type RunningProjection,
  type Stored,
  type Subscription,
  viewReader,
} from "ashlar/events";
import type { Random } from "ashlar/random";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, type BedEngine, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkViews } from "./views-check.ts";
import { diary, lastTexts, textCounts, types, versions, type Wrote } from "./views-domain.ts";
import { ViewsHistory } from "./views-history.ts";

const nodes = ["node-a", "node-b", "node-c"];
const members = ["member/ada", "member/bob", "member/cyd"];
const leaseMs = 400;
const textsCount = 24;
const parkedMax = 1;

/** Erasure, views beside each other, inline views, parked streams and copies of ashlar/events, on one of the engines. */
export function viewsProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "views" : `views-${kind}`,
    about:
      "what was erased is never read again, views are what the log says, a rebuild switches once, parked streams go on in order",
    phases: { warmUpMs: 100, chaosMs: 4_000, livenessMs: 240_000 },
    faults: bedFaults(kind, [...nodes, "operator"], 10),
    sometimes: [
      "erased",
      "an erased field was read",
      "a member came back",
      "the view was switched",
      "parked",
      "redriven",
      "skipped",
      "too many parked streams",
      "an append met a conflict",
    ],
    async open(world, { healed }) {
      const stage: Stage = {
        world,
        bed: await openBed(world, kind),
        history: new ViewsHistory(world),
        healed,
        written: 0,
        feeds: new Map(),
      };
      for (const name of nodes) void world.node(name, { start: (host) => startNode(stage, host) }).start();
      const over = startOperator(stage);
      return {
        finish: async () => {
          await over;
          await allWritten(stage);
          await caughtUp(stage);
          // What still runs would keep the old version's cells.
          await Promise.all(nodes.map(async (name) => await world.nodes.get(name)?.stop()));
        },
        check: async () => {
          const engine = await stage.bed.look();
          await checkViews(stage.history, await storeOf(engine, world.random("keys")));
        },
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: ViewsHistory;
  readonly healed: AbortSignal;
  written: number;
  readonly feeds: Map<string, Feeds>;
}

interface Feeds {
  readonly epoch: number;
  /** Until this process has written what it wants to write. */
  readonly writing: Promise<void>;
  readonly greeter: Subscription;
  readonly first: RunningProjection;
  readonly second: Promise<RunningProjection>;
}

async function storeOf(engine: BedEngine, random: Random): Promise<EventStore> {
  const entropy = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => random.integer(0, 255));
  const keys = await openSubjectKeys({ engine, masterKey: new Uint8Array(32).fill(7), entropy });
  return await openEventStore({ engine, keys, inline: [versions], conflictsMax: 50 });
}

async function startNode(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const engine = await stage.bed.open(host);
  const store = await storeOf(engine, host.random.stream("keys"));
  const options = { store, leaseMs, pollMs: 1_000, retryMs: 20, random: host.random.stream("feeds") };
  const greeter = await openSubscription<Wrote>({
    ...options,
    name: "greeter",
    types,
    partitions: 2,
    attemptsMax: 1,
    parkedMax,
    handle: (event) => greet(stage, host, event),
  });
  const first = await openProjection({ ...options, projection: lastTexts });
  // The new version comes when there is something to catch up with.
  const second = host.clock
    .sleep(1_000)
    .then(() => insist(host, () => openProjection({ ...options, projection: textCounts })));
  const writing = write(stage, host, store);
  stage.feeds.set(host.name, { epoch: host.epoch, writing, greeter, first, second });
  void readAll(stage, host, store);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([greeter, first, await second].map((feed) => feed[Symbol.asyncDispose]()));
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** An effect for each event. Some events are poison until all is healed, and what they threw quotes them. */
async function greet({ healed }: Stage, host: NodeHost, event: Stored<Wrote>) {
  await host.clock.sleep(host.random.pick([0, 10, 60]));
  const { n, text } = event.data;
  if (n % 6 === 2 && !healed.aborted) throw new Error(`cannot greet ${text}`);
  const data = `${event.stream}@${event.version}`;
  const events = [{ type: "Greeted", data }];
  return [{ op: "append", log: "greetings", stream: event.stream, expected: "any", events }] as const;
}

/** By a decision, or by an append that expects something, right or wrong. */
async function write(stage: Stage, host: NodeHost, store: EventStore): Promise<void> {
  const { history, world } = stage;
  while (stage.written < textsCount && !host.stopping.aborted) {
    const n = stage.written++;
    const member = host.random.pick(members);
    const id = `${member}/${n % 2}`;
    const text = history.newSecret(member, `diary/${id}`);
    const data = { member, n, text };
    if (history.erasures.some(({ subject, endedAt }) => subject === member && endedAt < Infinity))
      world.sometimes("a member came back");
    try {
      if (n % 3 === 0) {
        const expected = host.random.pick(["any", "new", 3] as const);
        const answer = await store.append(`diary/${id}`, [{ type: "Wrote", data }], { expected, types });
        if (answer.status === "appended") history.recorded(text);
        else world.sometimes("an append met a conflict");
        if (answer.status === "appended" && expected !== "any" && answer.version !== (expected === "new" ? 1 : 4))
          history.violations.push(`an append that expected ${expected} led to version ${answer.version}`);
      } else {
        await store.execute(diary, id, data);
        history.recorded(text);
      }
    } catch {
      await host.clock.sleep(100); // the store refuses for a while: whether the text is recorded, nobody knows
    }
    await host.clock.sleep(host.random.integer(0, 400));
  }
}

/** In every process, with its own caches: the streams, the states, the view. */
async function readAll({ history, healed }: Stage, host: NodeHost, store: EventStore): Promise<void> {
  const rows = viewReader<unknown>(store, "texts");
  while (!healed.aborted && !host.stopping.aborted) {
    await host.clock.sleep(host.random.integer(100, 700));
    const from = history.moment();
    const id = `${host.random.pick(members)}/${host.random.integer(0, 1)}`;
    try {
      const events = await Array.fromAsync(store.readStream(`diary/${id}`, { types }));
      history.read(JSON.stringify(events.map(({ data }) => data)), { from, where: "a stream" });
      const { state } = await store.load(diary, id);
      history.read(JSON.stringify(state), { from, where: "a state" });
      history.row(await rows.get(`diary/${id}`), { from, stream: `diary/${id}` });
    } catch {
      // The store refuses for a while.
    }
  }
}

/** Erases, looks at what is parked and decides about it, switches the view. */
function startOperator(stage: Stage): Promise<void> {
  const { world, bed, history, healed } = stage;
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<void> => {
    const store = await storeOf(await bed.open(host), host.random.stream("keys"));
    const work = async (): Promise<void> => {
      while (!healed.aborted) {
        await host.clock.sleep(host.random.integer(100, 700));
        const what = host.random.next();
        if (what < 0.4) await eraseOne(stage, host, store);
        else if (what < 0.85) await decideParked(stage, host);
        else await switchView(stage, host, store);
      }
      // Whoever died in the middle of an erasure has left it to be done again.
      for (const member of members) {
        const erasure = history.erasing(member);
        await insist(host, () => store.erase(member));
        history.erased(erasure);
      }
      resolve();
    };
    void work();
  };
  void world.node("operator", { start }).start();
  return promise;
}

async function eraseOne({ history }: Stage, host: NodeHost, store: EventStore): Promise<void> {
  const member = host.random.pick(members);
  const erasure = history.erasing(member);
  await insist(host, () => store.erase(member));
  history.erased(erasure);
}

async function decideParked(stage: Stage, host: NodeHost): Promise<void> {
  const { world, history } = stage;
  const { parked } = (await openFeeds(stage)).greeter;
  const from = history.moment();
  try {
    for (const { stream, failure } of await soon(host, Array.fromAsync(parked.list()))) {
      world.sometimes("parked");
      history.read(failure.message, { from, where: "a parked failure" });
      if (host.random.next() < 0.3) {
        history.skips.push({ stream });
        if ((await soon(host, parked.skip(stream))) === "asked") world.sometimes("skipped");
      } else await soon(host, parked.redrive([stream]));
    }
  } catch {
    // The store refuses for a while.
  }
}

/** Whoever looks at once sees everything that was recorded before. */
async function switchView(stage: Stage, host: NodeHost, store: EventStore): Promise<void> {
  const { second } = await openFeeds(stage);
  const calledAt = stage.history.moment();
  try {
    await soon(
      host,
      second.then((opened) => opened.activate()),
    );
    stage.history.switched(calledAt);
    const rows = viewReader<unknown>(store, "texts");
    for (const member of members) {
      const [from, stream] = [stage.history.moment(), `diary/${member}/0`];
      stage.history.row(await rows.get(stream), { from, stream });
    }
  } catch {
    // The store refuses for a while, or the process that builds it has died.
  }
}

/** Who asks another process may wait for a dead one. */
async function soon<T>(host: NodeHost, promise: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const timer = host.clock.setTimer(1_000, () => limit.abort(new Error("not now")));
  try {
    return await abortable(host.fence(promise), limit.signal);
  } finally {
    timer.cancel();
  }
}

/** Nothing comes into the log any more, so that whoever has caught up then has seen all of it. */
async function allWritten(stage: Stage): Promise<void> {
  for (const name of nodes) await (await openFeeds(stage, [name])).writing;
  await stage.bed.arrived();
}

/** Redrives what is parked until nothing is, and waits for all feeds. */
async function caughtUp(stage: Stage): Promise<void> {
  const { world, history } = stage;
  const { greeter, first, second } = await openFeeds(stage);
  for (;;) {
    const { partitions, parkedStreams } = await greeter.status();
    if (partitions.some(({ failure }) => failure?.message.includes("parked") === true))
      world.sometimes("too many parked streams");
    if (parkedStreams > 0 && (await greeter.parked.redrive()) > 0) world.sometimes("redriven");
    if (parkedStreams === 0) {
      await greeter.caughtUp();
      if ((await greeter.status()).parkedStreams === 0) break;
    }
    await world.clock.sleep(200);
  }
  await first.caughtUp();
  const calledAt = history.moment();
  await (await second).activate();
  history.switched(calledAt);
}

/** Those of a process that lives. */
async function openFeeds({ world, feeds }: Stage, names: readonly string[] = nodes): Promise<Feeds> {
  for (;;) {
    const found = feeds.entries().find(([name, { epoch }]) => {
      const node = world.nodes.get(name);
      return names.includes(name) && node?.state === "up" && node.epoch === epoch;
    });
    if (found !== undefined) return found[1];
    await world.clock.sleep(100);
  }
}

async function insist<T>(host: NodeHost, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await host.clock.sleep(50);
    }
  }
}
