import type { Change, CommitResult } from "ashlar/engine";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, type BedEngine, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkEngine } from "./engine-check.ts";
import { cells, streams } from "./engine-lists.ts";
import { EngineHistory, type OpenTransaction } from "./engine-history.ts";

const nodes = ["node-a", "node-b", "node-c"];
const transactionsCount = 70;
const callsCount = 50;
/** Some clients act at once, and the load goes on for as long as there is trouble. */
const pausesMs = [0, 0, 1, 30, 300, 1_000];
const registers = ["r0", "r1"] as const;

/** What the engine port promises of commits, on one of the engines: serializable transactions, linearizable cells, a log without gaps. */
export function engineProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "engine" : `engine-${kind}`,
    about:
      "transactions are serializable, cells are linearizable, readers of the log skip nothing, what failed left nothing",
    phases: { warmUpMs: 50, chaosMs: 3_000, livenessMs: 120_000 },
    faults: bedFaults(kind, nodes, 20),
    sometimes: [
      "a transaction was committed",
      "a transaction was aborted",
      "a transaction only read",
      "write: yes",
      "swap: yes",
      "swap: no",
      "a call failed",
      "nobody knows how a transaction ended",
    ],
    async open(world) {
      const stage: Stage = {
        world,
        bed: await openBed(world, kind),
        history: new EngineHistory(world),
        left: transactionsCount,
        callsLeft: callsCount,
      };
      const over = nodes.map((name) => startNode(stage, name));
      return {
        finish: async () => void (await Promise.all(over)),
        check: async () => checkEngine(stage.history, await stage.bed.look(), world),
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: EngineHistory;
  left: number;
  callsLeft: number;
}

function startNode(stage: Stage, name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<BedEngine> => {
    const engine = await stage.bed.open(host);
    void Promise.all([transact(stage, host, engine), transact(stage, host, engine), call(stage, host, engine)]).then(
      () => resolve(),
    );
    void follow(stage, host, engine);
    return engine;
  };
  void stage.world.node(name, { start }).start();
  return promise;
}

/** Reads some lists, appends to some, in one commit that passes only when what was read is still so. */
async function transact(stage: Stage, host: NodeHost, engine: BedEngine): Promise<void> {
  const { history } = stage;
  while (stage.left > 0) {
    stage.left--;
    const transaction = history.begun(host.name);
    try {
      const { changes, appended } = await planned(history, host, { engine, transaction });
      const isTogether = engine.transaction !== undefined && host.random.next() < 0.3;
      const result = isTogether ? await engine.transaction?.((tx) => tx.commit(changes)) : await engine.commit(changes);
      if (result === undefined) throw new TypeError("an engine with transactions answers them");
      history.ended(transaction, result.committed ? "committed" : "aborted");
      if (appended === 0) stage.world.sometimes("a transaction only read");
      note(history, transaction, result);
    } catch {
      // The store refuses for a while, and says that nothing was applied.
      history.ended(transaction, "aborted");
      await host.clock.sleep(20);
    }
    await host.clock.sleep(host.random.pick(pausesMs));
  }
}

interface Planning {
  readonly engine: BedEngine;
  readonly transaction: OpenTransaction;
}

async function planned(
  history: EngineHistory,
  host: NodeHost,
  { engine, transaction }: Planning,
): Promise<{ readonly changes: readonly Change[]; readonly appended: number }> {
  const { operations, id } = transaction;
  const changes: Change[] = [];
  const append = (list: string): string => {
    const value = history.newValue(id);
    operations.push({ kind: "append", list, value });
    return value;
  };
  const wanted = host.random.shuffle([...cells]).slice(0, host.random.integer(0, 2));
  const found = await engine.get(wanted.map((key) => ({ space: "lists", key })));
  for (const [index, list] of wanted.entries()) {
    const cell = { space: "lists", key: list };
    const values = found[index] === undefined ? [] : found[index].value.split(",");
    const expect = found[index]?.version ?? "absent";
    operations.push({ kind: "read", list, values });
    if (host.random.next() < 0.5) changes.push({ op: "check", cell, expect });
    else changes.push({ op: "put", cell, expect, value: [...values, append(list)].join(",") });
  }
  for (const stream of streams) {
    const how = host.random.pick(["nothing", "append", "read and append"] as const);
    if (how === "nothing") continue;
    const read = how === "append" ? undefined : await engine.stream({ log: "lists", stream, after: 0, limit: 1_000 });
    if (read !== undefined) operations.push({ kind: "read", list: stream, values: read.map(({ data }) => data) });
    const events = [{ type: "Value", data: append(stream) }];
    changes.push({ op: "append", log: "lists", stream, expected: read?.length ?? "any", events });
  }
  const values = operations.flatMap((one) => (one.kind === "append" ? [one.value] : []));
  if (values.length > 0) changes.push({ op: "enqueue", queue: "values", messages: values.map((body) => ({ body })) });
  if (changes.length === 0) changes.push({ op: "check", cell: { space: "lists", key: "nothing" }, expect: "absent" });
  return { changes, appended: values.length };
}

/** What the engine told of a commit. */
function note(history: EngineHistory, { id, operations }: OpenTransaction, result: CommitResult): void {
  if (!result.committed) return;
  const lists = operations.flatMap((one) => (one.kind === "append" ? [one.list] : []));
  const written = result.outcomes.filter(({ op }) => op === "put" || op === "append");
  for (const [index, outcome] of written.entries()) {
    if (outcome.op === "put" || outcome.op === "append") history.wrote(lists[index] ?? "", outcome.version, id);
    if (outcome.op === "append") history.placed(outcome.position, id);
  }
}

/** Reads, writes and swaps cells, each by itself. */
async function call(stage: Stage, host: NodeHost, engine: BedEngine): Promise<void> {
  const { history } = stage;
  /** What this process has read last, by cell. */
  const known = new Map<string, { readonly value: string | undefined; readonly version: number | "absent" }>();
  while (stage.callsLeft > 0) {
    stage.callsLeft--;
    const key = host.random.pick(registers);
    const cell = { space: "registers", key };
    const last = known.get(key);
    const what = host.random.next();
    const value = host.random.next() < 0.15 ? undefined : history.newValue(host.name);
    const input =
      what < 0.4
        ? ({ do: "read", cell: key } as const)
        : what < 0.6 || last === undefined
          ? ({ do: "write", cell: key, value } as const)
          : ({ do: "swap", cell: key, from: last.value, to: value } as const);
    const open = history.called(input);
    try {
      if (input.do === "read") {
        const [found] = await engine.get([cell]);
        known.set(key, { value: found?.value, version: found?.version ?? "absent" });
        history.answered(open, { read: found?.value });
      } else {
        const expect = input.do === "write" ? "any" : (last?.version ?? "absent");
        const { committed } = await engine.commit([{ op: "put", cell, expect, value }]);
        history.answered(open, { written: committed ? "yes" : "no" });
      }
    } catch {
      history.failed(open);
      await host.clock.sleep(20);
    }
    await host.clock.sleep(host.random.pick(pausesMs));
  }
}

/** Reads the log to its end again and again, each process from its beginning. */
async function follow({ history }: Stage, host: NodeHost, engine: BedEngine): Promise<void> {
  const seen: { readonly position: number; readonly data: string }[] = [];
  history.tails.set(`${host.name} ${host.epoch}`, seen);
  while (!host.stopping.aborted) {
    try {
      const { events } = await engine.read({ log: "lists", after: seen.length, limit: host.random.integer(1, 20) });
      for (const { position, data } of events) seen.push({ position, data });
    } catch {
      // The store refuses for a while.
    }
    await host.clock.sleep(host.random.integer(1, 200));
  }
}
