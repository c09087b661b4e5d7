import type { CellEngine, MessageEngine, TransactionalEngine } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";

/** An engine that keeps messages. With cells it also offers progress, `once` and answers, with transactions the caller's own SQL. */
export type QueueEngine<Sql = unknown> = MessageEngine &
  Partial<Pick<CellEngine, "get"> & Pick<TransactionalEngine<Sql>, "transaction">>;

/** The cells of the engine. Throws UnsupportedError where it keeps none. */
export function cellsOf(engine: QueueEngine, feature: string): Pick<CellEngine, "get"> {
  const { get } = engine;
  if (get === undefined || !engine.can.parts.includes("cells"))
    throw new UnsupportedError(feature, `engine ${engine.can.engine}`, "open the queue on an engine that keeps cells");
  return { get: (cells) => get.call(engine, cells) };
}
