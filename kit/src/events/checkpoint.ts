import type { CellKey, Change, Check, CommitResult, ExpectedCell } from "../engine/mod.ts";
import { invariant, KitError } from "../errors/mod.ts";
import type { Feed } from "./feed.ts";
import { retiredText } from "./feed-definition.ts";
import { LostError } from "./lost-error.ts";
import { InDoubtError } from "./partition-fault.ts";

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

  /** Reads the checkpoint, and writes the first one: only what stands there can fence, and a version that is retired removes it. */
  static async load(
    { context, cells, name }: Feed,
    { partition, startPosition }: { readonly partition: number; readonly startPosition: number },
  ): Promise<Checkpoint> {
    const cell = cells.checkpoint(partition);
    const [found, definition] = await context.engine.get([cell, cells.definition]);
    if (found !== undefined) {
      const position = Number(found.value);
      invariant(Number.isSafeInteger(position) && position >= 0, "a checkpoint is a position of the log");
      return new Checkpoint(cell, found.version, position);
    }
    invariant(definition !== undefined, `the definition of "${name}" is written before a partition is loaded`);
    if (definition.value === retiredText) throw new LostError(cell.space);
    const checkpoint = new Checkpoint(cell, "absent", startPosition);
    const guard: Check = { op: "check", cell: cells.definition, expect: definition.version };
    const result = await checkpoint.save(startPosition, [guard], (changes) => context.engine.commit(changes));
    if (!result.committed) throw new LostError(cell.space);
    return checkpoint;
  }

  /** Lets a commit pass only while nobody else moved this checkpoint. */
  guard(): Check {
    return { op: "check", cell: this.#cell, expect: this.#expect };
  }

  /** Commits `changes` together with the new position through `commit`. Throws {@link LostError} when the fence refuses; other refusals are returned.
   *  Throws {@link InDoubtError} when nobody knows what became of the commit. */
  async save(
    position: number,
    changes: readonly Change[],
    commit: (changes: readonly Change[]) => Promise<CommitResult>,
  ): Promise<CommitResult> {
    invariant(position >= this.savedPosition, "a checkpoint never goes back");
    const moved: Change = { op: "put", cell: this.#cell, expect: this.#expect, value: String(position) };
    const result = await commit([...changes, moved]).catch((error: unknown) => {
      const isUnknown = error instanceof KitError && error.code === "OUTCOME_UNKNOWN";
      throw isUnknown ? new InDoubtError(error.message, { cause: error }) : error;
    });
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
