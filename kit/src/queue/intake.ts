import type { Timer } from "../clock/mod.ts";
import type { Claim, MessageEngine } from "../engine/mod.ts";
import type { QueueDefinition } from "./definition.ts";

export interface IntakeOptions {
  readonly engine: MessageEngine;
  readonly definition: QueueDefinition<unknown>;
  readonly pollMs: number;
  /** How many more jobs the worker wants at this moment; 0 or less: none. */
  readonly room: () => number;
  /** How many jobs that killed a worker before may be among them. */
  readonly suspects: () => number;
  /** Called before each claim: what the worker holds must not be rescued by its own claim. `undefined`: nothing to wait for. */
  readonly freshen: () => Promise<void> | undefined;
  readonly take: (claims: readonly Claim[]) => void;
  readonly onFault: (error: unknown) => void;
}

const backoffFirstMs = 50;
const backoffCapMs = 5_000;
// The engine may name a due time that has just passed; looking again in the same millisecond would spin.
const lookAgainMinMs = 2;
// A larger claim would hold up the process, and engines refuse one of more than 100,000. The rest is claimed next.
const claimMax = 10_000;

/** Claims jobs for a worker: at once when a bell rings or a batch came full, at the next due time, and every `pollMs` in case a bell
 *  was lost. One claim at a time, while handlers run. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #bell: Disposable;
  #timer: Timer | undefined;
  #claiming: Promise<void> | undefined;
  /** Whether the queue may hold more than the last claim brought. A bell during a claim sets it again. */
  #mayHaveMore = true;
  #stopped = false;
  #backoffMs = backoffFirstMs;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#bell = options.engine.bell([`queue:${options.definition.name}`], () => this.look());
  }

  /** Something may have become claimable. */
  look(): void {
    this.#mayHaveMore = true;
    this.roomGrew();
  }

  /** The worker may want more than before. Cheap when there is nothing to do: called after every job. */
  roomGrew(): void {
    if (!this.#mayHaveMore || this.#claiming !== undefined || this.#stopped) return;
    const room = this.#options.room();
    if (room <= 0) return;
    this.#claiming = this.#claim(Math.min(room, claimMax)).then(() => {
      this.#claiming = undefined;
      this.roomGrew();
    });
  }

  /** No claim is made from here on; resolves when one that is under way has delivered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#bell[Symbol.dispose]();
    this.#timer?.cancel();
    await this.#claiming;
  }

  async #claim(count: number): Promise<void> {
    const { engine, definition, suspects, freshen, take } = this.#options;
    const { name: queue, leaseMs, crashesMax } = definition;
    this.#mayHaveMore = false;
    try {
      const freshening = freshen();
      if (freshening !== undefined) await freshening;
      const { claims, nextDueAtMs } = await engine.claim({ queue, count, leaseMs, suspects: suspects(), crashesMax });
      this.#backoffMs = backoffFirstMs;
      if (claims.length >= count) this.#mayHaveMore = true;
      this.#lookIn(this.#waitMs(nextDueAtMs));
      if (claims.length > 0) take(claims);
    } catch (error) {
      this.#options.onFault(error);
      this.#lookIn(this.#backoffMs);
      this.#backoffMs = Math.min(backoffCapMs, this.#backoffMs * 2);
    }
  }

  #waitMs(nextDueAtMs: number | undefined): number {
    const { pollMs, engine } = this.#options;
    if (nextDueAtMs === undefined) return pollMs;
    return Math.min(pollMs, Math.max(lookAgainMinMs, nextDueAtMs - engine.clock.now()));
  }

  #lookIn(delayMs: number): void {
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#options.engine.clock.setTimer(delayMs, () => this.look());
  }
}
