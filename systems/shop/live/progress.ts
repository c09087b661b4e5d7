import type { Clock } from "ashlar/clock";
import type { LogFields } from "ashlar/service";
import type { LineOutput } from "../log-line.ts";
import { redrawnLine } from "../redrawn-line.ts";
import type { Batch } from "./drive.ts";

export interface Progress {
  readonly show: (batch: Batch) => void;
  /** Writes a line of a log without tearing the one that is redrawn. */
  readonly beside: (fields: LogFields) => void;
  readonly end: () => void;
}

export interface ProgressOptions {
  readonly clock: Clock;
  readonly write: (text: string) => void;
  /** `terminal`: one line that is redrawn; `log`: a line now and then. */
  readonly output: LineOutput;
}

const everyMs = { terminal: 80, log: 2_000 };
const barWidth = { least: 3, most: 24 };
const columns = 79;

/** Shows how far a stream of orders is; cheap enough to be told of every order. */
export function liveProgress({ clock, write, output }: ProgressOptions): Progress {
  let shownMs = output === "terminal" ? -Infinity : clock.monotonic();
  const line = redrawnLine(write, output);
  return {
    show(batch) {
      const nowMs = clock.monotonic();
      if (nowMs - shownMs < everyMs[output]) return;
      shownMs = nowMs;
      line.show(progressText(batch));
    },
    beside: line.beside,
    end: line.end,
  };
}

/** The line itself. The bar takes what a narrow terminal leaves: a line that wraps cannot be redrawn. */
export function progressText({ count, placed, confirmed, rejected, seconds }: Batch): string {
  const refused = Array.from(rejected.values()).reduce((sum, one) => sum + one, 0);
  const ended = confirmed + refused;
  const rate = Math.round(seconds > 0 ? ended / seconds : 0);
  // Numbers keep their place, so that the eye can follow them.
  const digits = String(count).length;
  const [all, sold, not, open] = [placed, confirmed, refused, placed - ended].map((one) =>
    String(one).padStart(digits),
  );
  const text = `${all}/${count} placed, ${sold} confirmed, ${not} rejected, ${open} in flight, ${String(rate).padStart(4)}/s`;
  const width = Math.max(barWidth.least, Math.min(barWidth.most, columns - text.length - "[] ".length));
  const bar = "#".repeat(Math.round((ended / Math.max(1, count)) * width)).padEnd(width, ".");
  return `[${bar}] ${text}`;
}
