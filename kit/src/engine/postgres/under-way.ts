import { gate } from "../../abort/mod.ts";
import type { PostgresSession } from "../../drivers/postgres/mod.ts";

/** Where the first attempt of a group is on its way, and by which number its commit is known. */
export interface Out {
  readonly session: PostgresSession;
  readonly number: number;
}

/** What became of a first attempt. `unknown`: its answer was lost, and the server is away. */
export type Verdict = "committed" | "not committed" | "unknown";

/** A group from its first attempt to its end, as the one behind it sees it: that one may be sent after it while the first attempt is out. */
export class UnderWay {
  readonly #left = gate();
  readonly #verdict = gate<Verdict>();
  readonly #ended = gate();
  #out: Out | undefined;
  #isOver = false;

  /** Resolves once the first attempt is out, or none will be in one round trip. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** Set while the first attempt is out. */
  get out(): Out | undefined {
    return this.#out;
  }

  get verdict(): Promise<Verdict> {
    return this.#verdict.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The first attempt was sent; of later ones nobody needs to know. */
  goOut(out: Out): void {
    if (!this.#isOver) this.#out = out;
    this.#left.open();
  }

  /** The first attempt is answered, or lost, or was not to be made: from now on nobody goes behind it. */
  comeBack(): void {
    this.#isOver = true;
    this.#out = undefined;
    this.#left.open();
  }

  judge(verdict: Verdict): void {
    this.comeBack();
    this.#verdict.open(verdict);
  }

  end(): void {
    this.judge("not committed");
    this.#ended.open();
  }
}
