import type { Bound, WireRows } from "../../drivers/postgres/mod.ts";

/** Where a script runs: a session, or a transaction on one. */
export interface Runner {
  run(statements: readonly Bound[]): Promise<readonly WireRows[]>;
}

/** Statements that go out in one round trip, each with what is done with its answer. */
export class Script {
  #statements: Bound[] = [];
  #readers: (((answer: WireRows) => void) | undefined)[] = [];

  get isEmpty(): boolean {
    return this.#statements.length === 0;
  }

  add(statement: Bound, read?: (answer: WireRows) => void): void {
    this.#statements.push(statement);
    this.#readers.push(read);
  }

  /** Sends what was added since the last run, and hands the answers out in order. */
  async run(runner: Runner): Promise<void> {
    if (this.isEmpty) return;
    const statements = this.#statements;
    const readers = this.#readers;
    this.#statements = [];
    this.#readers = [];
    const answers = await runner.run(statements);
    for (const [index, answer] of answers.entries()) readers[index]?.(answer);
  }
}
