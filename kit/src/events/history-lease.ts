import type { Timer } from "../clock/mod.ts";
import type { CellKey, Engine, ExpectedCell } from "../engine/mod.ts";
import { Wakeup } from "./wakeup.ts";

/** Lets one caller at a time, in all processes, work on something. The lease is renewed while it works, so only a caller that is gone, or
 *  stood still for longer than the lease, is followed by another before its end. */
export class HistoryLease {
  readonly #engine: Engine;
  readonly #space: string;
  readonly #leaseMs: number;

  constructor(engine: Engine, space: string, leaseMs: number) {
    this.#engine = engine;
    this.#space = space;
    this.#leaseMs = leaseMs;
  }

  /** Waits for the lease, and gives it back when `work` has ended. */
  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    const cell = { space: this.#space, key };
    const renewal = new Renewal((expect) => this.#write(cell, expect), await this.#take(cell));
    this.#renewAgain(renewal);
    try {
      return await work();
    } finally {
      const version = await renewal.end();
      // If this fails, the lease runs out by itself; what the work led to stands.
      if (version !== undefined)
        await this.#engine.commit([{ op: "put", cell, expect: version, value: undefined }]).catch(() => undefined);
    }
  }

  async #take(cell: CellKey): Promise<number> {
    const wakeup = new Wakeup(this.#engine.clock);
    using _bell = this.#engine.bell([`cells:${this.#space}`], () => wakeup.ring());
    for (;;) {
      const [held] = await this.#engine.get([cell]);
      const version = held === undefined ? await this.#write(cell, "absent") : undefined;
      if (version !== undefined) return version;
      await wakeup.wait(this.#leaseMs / 3);
    }
  }

  #renewAgain(renewal: Renewal): void {
    renewal.timer = this.#engine.clock.setTimer(
      this.#leaseMs / 3,
      () => void renewal.renew().then((held) => (held === "held" ? this.#renewAgain(renewal) : undefined)),
      { holdsProcess: "no" },
    );
  }

  async #write(cell: CellKey, expect: ExpectedCell): Promise<number | undefined> {
    const put = { op: "put", cell, expect, value: "held", expiresInMs: this.#leaseMs } as const;
    const result = await this.#engine.commit([put]);
    const outcome = result.committed ? result.outcomes[0] : undefined;
    return outcome?.op === "put" ? outcome.version : undefined;
  }
}

/** The version of a lease that is held, renewed one write at a time. */
class Renewal {
  readonly #write: (expect: number) => Promise<number | undefined>;
  #version: number | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #isEnded = false;
  timer: Timer | undefined;

  constructor(write: (expect: number) => Promise<number | undefined>, version: number) {
    this.#write = write;
    this.#version = version;
  }

  /** A fault of the engine is no loss yet: the next renewal may be in time. */
  async renew(): Promise<"held" | "over"> {
    const expect = this.#version;
    if (expect === undefined) return "over";
    const writing = this.#write(expect).then(
      (version) => void (this.#version = version),
      () => undefined,
    );
    this.#writing = writing;
    await writing;
    return this.#isEnded || this.#version === undefined ? "over" : "held";
  }

  /** The version to give back, if the lease is still held. */
  async end(): Promise<number | undefined> {
    this.#isEnded = true;
    this.timer?.cancel();
    await this.#writing;
    return this.#version;
  }
}
