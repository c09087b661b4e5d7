import {
  type CellInput,
  cellModel,
  type CellOutput,
  checkEffects,
  checkLinearizable,
  checkTransactions,
  type ListTransaction,
  type Operation,
  type Violation,
} from "ashlar/simulation/checkers";
import type { World } from "ashlar/simulation";
import { type BedEngine, broken, refuse, soundEngine } from "./bed.ts";
import { cells, streams } from "./engine-lists.ts";
import type { EngineHistory } from "./engine-history.ts";

/** What the engine port promises, over what its clients have seen and what it holds at the end. */
export async function checkEngine(history: EngineHistory, engine: BedEngine, world: World): Promise<void> {
  const last = await finalReads(engine);
  const unknown = history.transactions.filter(({ status }) => status === "unknown");
  if (unknown.length > 0) world.sometimes("nobody knows how a transaction ended");
  refuse([
    ...checkTransactions([...history.transactions, last]),
    ...checkLinearizable(cellModel, answeredCalls(history)),
    ...(await tailsRight(history, engine)),
    ...(await messagesRight(engine, last)),
    ...(await soundEngine(engine)),
  ]);
}

/** A transaction that reads everything once nobody writes any more: what nobody else has read counts as well. */
async function finalReads(engine: BedEngine): Promise<ListTransaction> {
  const found = await engine.get(cells.map((key) => ({ space: "lists", key })));
  const ofCells = cells.map((list, index) => ({ list, values: found[index]?.value.split(",") ?? [] }));
  const ofStreams = await Promise.all(
    streams.map(async (stream) => {
      const events = await engine.stream({ log: "lists", stream, after: 0, limit: 10_000 });
      return { list: stream, values: events.map(({ data }) => data) };
    }),
  );
  const operations = [...ofCells, ...ofStreams].map((read) => ({ kind: "read", ...read }) as const);
  return { id: "the end", status: "committed", operations };
}

/** A call that has failed has left nothing, as the engine says: it is no part of the history. */
function answeredCalls({ calls }: EngineHistory): readonly Operation<CellInput, CellOutput>[] {
  return calls.filter(({ hasFailed }) => !hasFailed);
}

/** What each reader saw on the way is what lies there at the end. */
async function tailsRight({ tails }: EngineHistory, engine: BedEngine): Promise<readonly Violation[]> {
  const { events } = await engine.read({ log: "lists", after: 0, limit: 10_000 });
  const wrong = [...tails].filter(([, seen]) =>
    seen.some(({ position, data }, index) => events[index]?.position !== position || events[index].data !== data),
  );
  return broken("engine: log", "a reader saw something else than lies in the log", wrong);
}

/** Messages are committed with the values that they name, or not at all. */
async function messagesRight(engine: BedEngine, { operations }: ListTransaction): Promise<readonly Violation[]> {
  const messages = await Array.fromAsync(engine.scan({ kind: "messages", queue: "values", limit: 10_000 }));
  const values = operations.flatMap((one) => (one.kind === "read" ? one.values : []));
  return checkEffects(
    messages.map(({ body }) => ({ key: body })),
    "exactly once",
    values,
  );
}
