import type { Timer } from "../../clock/mod.ts";
import type { Machine } from "./machine.ts";

/** What keeping an eye on other processes needs from the engine. */
export interface NeighbourWatch {
  readonly machine: Pick<Machine, "clock" | "watch">;
  /** The write-ahead log of the database. */
  readonly logPath: string;
  /** Whether another connection has committed since the last look. About 3 µs. */
  readonly hasForeignCommit: () => boolean;
  /** Called for each of those. */
  readonly onForeignCommit: () => void;
  /** Whether other processes are known to have the file open; called every second, and rescues on the way. */
  readonly neighbours: () => Promise<"some" | "none">;
}

// The watch of the log is quick (0.2 ms) but may be late or absent; a look costs next to nothing.
const lookMs = 50;
const neighboursMs = 1000;
// Whoever wrote so recently is watched for, whether it is known as a neighbour or not (it may be in another container).
const recentMs = 60_000;

/**
 * Notices what other processes do to the file: by a watch of its log while there are any, and by a look every 50 ms. Runs on the
 * machine's time whatever the engine's clock says, because other processes do. Holds neither the process nor, when closed, anything.
 */
export class Neighbours {
  readonly #options: NeighbourWatch;
  #look: Timer | undefined;
  #check: Timer | undefined;
  #watcher: Disposable | undefined;
  #isClosed = false;
  #foreignCommitAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: NeighbourWatch) {
    this.#options = options;
    this.#lookLater();
    this.#checkLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#look?.cancel();
    this.#check?.cancel();
    this.#watcher?.[Symbol.dispose]();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#look = this.#options.machine.clock.setTimer(lookMs, () => (this.#lookLater(), this.#lookNow()), {
      holdsProcess: "no",
    });
  }

  #lookNow(): void {
    if (this.#isClosed || !this.#hasForeignCommit()) return;
    this.#foreignCommitAtMs = this.#options.machine.clock.monotonic();
    this.#options.onForeignCommit();
    if (this.#watcher === undefined) this.#checkNow();
  }

  // The next look follows whatever becomes of this one: a disk that fails is for the next commit to report.
  #hasForeignCommit(): boolean {
    try {
      return this.#options.hasForeignCommit();
    } catch {
      return false;
    }
  }

  #checkLater(): void {
    if (this.#isClosed) return;
    this.#check = this.#options.machine.clock.setTimer(neighboursMs, () => (this.#checkLater(), this.#checkNow()), {
      holdsProcess: "no",
    });
  }

  #checkNow(): void {
    this.#options.neighbours().then(
      (neighbours) => this.#watchWhile(neighbours),
      () => undefined, // closed, busy or full: the next check comes in a second
    );
  }

  #watchWhile(neighbours: "some" | "none"): void {
    const { machine, logPath } = this.#options;
    const isWorthIt = neighbours === "some" || machine.clock.monotonic() - this.#foreignCommitAtMs < recentMs;
    if (isWorthIt === (this.#watcher !== undefined) || this.#isClosed) return;
    this.#watcher?.[Symbol.dispose]();
    // Where nothing can be watched, the look every 50 ms stays.
    this.#watcher = isWorthIt ? machine.watch(logPath, () => this.#lookNow()) : undefined;
  }
}
