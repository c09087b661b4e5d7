import type { LogFields } from "ashlar/service";
import { type LineOutput, logLine } from "./log-line.ts";

/** The last line of a terminal, drawn anew again and again; in a log, a line each time. */
export interface RedrawnLine {
  readonly show: (text: string) => void;
  /** Writes a line of a log above it. */
  readonly beside: (fields: LogFields) => void;
  readonly end: () => void;
}

const clear = "\r\u001B[2K";

/** `write` takes all that is said beside the results. */
export function redrawnLine(write: (text: string) => void, output: LineOutput): RedrawnLine {
  let shown = "";
  return {
    show(text) {
      shown = text;
      write(output === "terminal" ? clear + text : `${text}\n`);
    },
    beside(fields) {
      const line = logLine(fields, output);
      write(output === "terminal" && shown !== "" ? clear + line + shown : line);
    },
    end() {
      if (output === "terminal" && shown !== "") write(clear);
      shown = "";
    },
  };
}
