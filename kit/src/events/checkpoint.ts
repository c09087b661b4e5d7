import type { CellKey, Change, Check, CommitResult, Engine, ExpectedCell } from "../engine/mod.ts";
import { invariant } from "../errors/mod.ts";
import { LostError } from "./lost-error.ts";

/** How far one partition has come. Its cell is the fence: of two processes that believe to hold the partition, the first to commit wins. */
export class Checkpoint {
  readonly #cell: CellKey;
  #expect: ExpectedCell;
  /** Up to here everything is recorded as done. */
  savedPosition: number;

  private constructor(cell: CellKey, expect: ExpectedCell, position: number) {
    this.#cell = cell;
    this.#expect = expect;
    this.savedPosition = position;
  }

  static async load(engine: Engine, cell: CellKey, startPosition: number): Promise<Checkpoint> {
    const [found] = await engine.get([cell]);
    if (found === undefined) return new Checkpoint(cell, "absent", startPosition);
    const position = Number(found.value);
    invariant(Number.isSafeInteger(position) && position >= 0, "a checkpoint is a position of the log");
    return new Checkpoint(cell, found.version, position);
  }

  /** Lets a commit pass only while nobody else moved this checkpoint. */
  guard(): Check {
    return { op: "check", cell: this.#cell, expect: this.#expect };
  }

  /** Commits `changes` together with the new position through `commit`. Throws {@link LostError} when the fence refuses; other refusals are returned. */
  async save(
    position: number,
    changes: readonly Change[],
    commit: (changes: readonly Change[]) => Promise<CommitResult>,
  ): Promise<CommitResult> {
    invariant(position >= this.savedPosition, "a checkpoint never goes back");
    const result = await commit([
      ...changes,
      { op: "put", cell: this.#cell, expect: this.#expect, value: String(position) },
    ]);
    if (!result.committed) {
      if (result.index === changes.length) throw new LostError(this.#cell.space);
      return result;
    }
    const outcome = result.outcomes[changes.length];
    invariant(outcome?.op === "put", "the outcome of a write stands at its index");
    this.#expect = outcome.version;
    this.savedPosition = position;
    return result;
  }
}
