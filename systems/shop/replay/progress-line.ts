import type { Clock } from "ashlar/clock";
import type { LogFields } from "ashlar/service";
import type { LineOutput } from "../log-line.ts";
import { redrawnLine } from "../redrawn-line.ts";
import type { ReplayState } from "./replay.ts";

export interface ProgressLineOptions {
  readonly clock: Clock;
  readonly write: (text: string) => void;
  /** `terminal`: one line that is redrawn; `log`: a line now and then. */
  readonly output: LineOutput;
}

export interface ProgressLine {
  readonly show: (state: ReplayState) => void;
  /** Writes a line of a log without tearing the one that is redrawn. */
  readonly beside: (fields: LogFields) => void;
  readonly end: () => void;
}

const everyMs = { terminal: 100, log: 5_000 };
const barWidth = 30;

/** Shows how far a replay is; cheap enough to be told of every invoice. */
export function progressLine({ clock, write, output }: ProgressLineOptions): ProgressLine {
  const startedMs = clock.monotonic();
  let shownMs = -Infinity;
  let phase = "";
  const line = redrawnLine(write, output);
  return {
    show(state) {
      const nowMs = clock.monotonic();
      if (nowMs - shownMs < everyMs[output] && state.phase === phase) return;
      shownMs = nowMs;
      phase = state.phase;
      line.show(lineOf(state, (nowMs - startedMs) / 1_000));
    },
    beside: line.beside,
    end: line.end,
  };
}

function lineOf({ phase, lines, linesInFile, invoices, underWay }: ReplayState, seconds: number): string {
  const part = linesInFile === 0 ? 0 : Math.min(1, lines / linesInFile);
  const filled = Math.round(part * barWidth);
  const bar = "#".repeat(filled).padEnd(barWidth, ".");
  const percent = `${Math.floor(part * 100)} %`.padStart(5);
  return `${phase.padEnd(9)} [${bar}] ${percent}  ${invoices} invoices, ${underWay} under way, ${seconds.toFixed(1)} s`;
}
