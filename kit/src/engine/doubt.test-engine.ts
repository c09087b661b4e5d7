import { KitError } from "../errors/mod.ts";
import type { TransactionalEngine } from "./engine.ts";

/** What became of a transaction of which nobody knows. */
export type Fate = "committed" | "rolled back";

class InDoubtError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;
}

/** Leaves the engine's next `times` transactions in doubt: each is committed or not, and rejects as the engines over servers do when nobody can be asked. */
export function leaveInDoubt<Sql>(engine: TransactionalEngine<Sql>, fate: Fate, times = 1): void {
  const transaction = engine.transaction.bind(engine);
  let left = times;
  const doubtful: typeof transaction = async (work) => {
    if (--left === 0) Object.assign(engine, { transaction });
    const doubt = new InDoubtError("the connection was lost behind COMMIT");
    await transaction(async (open) => {
      await work(open);
      if (fate === "rolled back") throw doubt;
    });
    throw doubt;
  };
  Object.assign(engine, { transaction: doubtful });
}
