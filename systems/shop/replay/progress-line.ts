import type { Clock } from "ashlar/clock";
import type { ReplayState } from "./replay.ts";

export interface ProgressLineOptions {
  readonly clock: Clock;
  readonly write: (text: string) => void;
  /** `terminal`: one line that is redrawn; `log`: a line now and then. */
  readonly output: "terminal" | "log";
}

const everyMs = { terminal: 100, log: 5_000 };
const barWidth = 30;

/** Shows how far a replay is; cheap enough to be told of every invoice. */
export function progressLine({ clock, write, output }: ProgressLineOptions): {
  show(state: ReplayState): void;
  end(): void;
} {
  const startedMs = clock.monotonic();
  let shownMs = -Infinity;
  let phase = "";
  return {
    show(state) {
      const nowMs = clock.monotonic();
      if (nowMs - shownMs < everyMs[output] && state.phase === phase) return;
      shownMs = nowMs;
      phase = state.phase;
      const text = lineOf(state, (nowMs - startedMs) / 1_000);
      write(output === "terminal" ? `\r\u001B[2K${text}` : `${text}\n`);
    },
    end() {
      if (output === "terminal") write("\r\u001B[2K");
    },
  };
}

function lineOf({ phase, lines, linesInFile, invoices, underWay }: ReplayState, seconds: number): string {
  const part = linesInFile === 0 ? 0 : Math.min(1, lines / linesInFile);
  const filled = Math.round(part * barWidth);
  const bar = "#".repeat(filled).padEnd(barWidth, ".");
  const percent = `${Math.floor(part * 100)} %`.padStart(5);
  return `${phase.padEnd(9)} [${bar}] ${percent}  ${invoices} invoices, ${underWay} under way, ${seconds.toFixed(1)} s`;
}
