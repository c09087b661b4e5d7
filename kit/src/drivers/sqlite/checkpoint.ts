import type { StatementSync } from "node:sqlite";
import type { PreparingSession } from "./session.ts";

// 4000 pages are 16 MB: a page written often is copied once. Half of that costs a tenth more of all work (twice of it saves a twentieth),
// and a pass takes some ten milliseconds.
const pagesBeforeCheckpoint = 4000;
// 64 MB. While several processes write, somebody has always written since the last copy, and the log would never begin anew.
const pagesBeforeRestart = 16_384;
const restartAttemptsMax = 16;
// Asking for the size of the log costs 4 µs.
const commitsBetweenLooks = 32;

interface LogState {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Moves committed pages from the write-ahead log into the database, between groups, so that no commit pays for it. */
export interface Checkpointer {
  committed(): void;
  /** No transaction is open and callers wait: only what is due. `again`: the log is too long and another process is in the way of
   *  beginning it anew; call again after a pause. */
  betweenGroups(): "done" | "again";
  /** Nobody waits. */
  afterCommits(): void;
  /** Copies what no reader holds; returns how many pages were copied. */
  checkpoint(): number;
}

/**
 * A pass flushes the log before it copies, and everybody waits for the disk meanwhile. `flushLog` does that off the event loop a moment
 * before, so that little is left for the pass: half of its time (measured). It never rejects. Not needed where each commit is flushed.
 */
export function checkpointer(writer: PreparingSession, flushLog?: () => Promise<void>): Checkpointer {
  // `noop` copies nothing and tells the sizes; SQLite before 3.51 takes it for `passive`, which is right as well.
  const look: StatementSync = writer.prepare("pragma wal_checkpoint(noop)");
  const pass: StatementSync = writer.prepare("pragma wal_checkpoint(passive)");
  // Waits for nobody, as everything here: it says `busy` while another connection writes or reads from the log.
  const restart: StatementSync = writer.prepare("pragma wal_checkpoint(restart)");
  let commits = 0;
  let restartAttempts = 0;
  let restartAtPages = pagesBeforeRestart;
  let flushing: "no" | "under way" | "done" = flushLog === undefined ? "done" : "no";

  function checkpoint(): number {
    const state = pass.get() as unknown as LogState;
    return Math.max(0, state.checkpointed);
  }

  function checkpointFlushed(): void {
    if (flushing === "under way") return;
    if (flushing === "done") {
      checkpoint();
      if (flushLog !== undefined) flushing = "no";
      return;
    }
    flushing = "under way";
    void flushLog?.().then(() => {
      flushing = "done";
      // The next commit looks.
      commits = commitsBetweenLooks;
    });
  }

  function restartLog(pages: number): "done" | "again" {
    const isBusy = (restart.get() as unknown as LogState).busy !== 0;
    if (isBusy && ++restartAttempts < restartAttemptsMax) return "again";
    // A reader that holds an old state may stay for long (a backup): then only a log that has grown further is worth another round.
    restartAtPages = isBusy ? pages + pagesBeforeRestart / 4 : pagesBeforeRestart;
    return "done";
  }

  function lookAndCheckpoint(): "done" | "again" {
    try {
      const state = look.get() as unknown as LogState;
      if (state.log < pagesBeforeRestart) restartAtPages = pagesBeforeRestart;
      if (state.log >= restartAtPages && restartLog(state.log) === "again") return "again";
      if (state.log < restartAtPages && state.log - state.checkpointed >= pagesBeforeCheckpoint) checkpointFlushed();
    } catch {
      // A full or failing disk: the commits are safe in the log, and a commit that cannot be made says so itself.
    }
    commits = 0;
    restartAttempts = 0;
    return "done";
  }

  return {
    committed: () => void commits++,
    betweenGroups: () => (commits >= commitsBetweenLooks ? lookAndCheckpoint() : "done"),
    afterCommits: () => void (commits >= commitsBetweenLooks && lookAndCheckpoint()),
    checkpoint,
  };
}
