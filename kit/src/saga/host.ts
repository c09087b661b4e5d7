import type { Cell, CellKey, Engine, Transaction } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { AnySaga } from "./context.ts";
import type { Journal } from "./journal.ts";
import type { FinalOutcome, Problem } from "./outcome.ts";

/** Called at every boundary of the journal, with a name like `step:charge:before`; production has none. One that throws makes the
 *  executor drop the run as a crash would; one that never resolves freezes it. */
export type Probe = (point: string, run: { readonly saga: string; readonly id: string }) => void | Promise<void>;

/** How an execution ended. The run itself goes on after `parked`, `released` and `lost`. */
export type Ending =
  | { readonly kind: "finished"; readonly outcome: FinalOutcome }
  | { readonly kind: "stuck"; readonly problem: Problem }
  | { readonly kind: "parked" }
  | { readonly kind: "released" }
  | { readonly kind: "lost"; readonly error: unknown };

/** An execution that has ended. */
export interface EndedRun {
  readonly definition: AnySaga;
  readonly id: string;
  /** `<saga>/<run>`. */
  readonly key: string;
  readonly journal: Journal;
}

/** What an execution needs from the process around it. */
export interface Host {
  readonly engine: Engine;
  readonly random: Random;
  readonly probe: Probe | undefined;
  /** "yes": the past is repeated, and nothing new is begun or written. */
  readonly isDry?: "yes" | undefined;
  transaction<T>(work: (tx: Transaction<unknown>) => Promise<T>): Promise<T>;
  cells(keys: readonly CellKey[]): Promise<readonly (Cell | undefined)[]>;
  /** Resolves once the lease of a run is renewed, or its execution has ended. */
  confirmLease(run: EndedRun): Promise<void>;
  ended(run: EndedRun, ending: Ending): void;
}

/** A promise for code that must not go on, because its executor has let go of the run. A new one each time: whatever waits for a shared
 *  one would be held in memory by it for ever. */
export function endless(): Promise<never> {
  return new Promise<never>(() => undefined);
}
