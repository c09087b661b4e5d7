import type { Engine, Put } from "ashlar/engine";
import type { BadLine } from "./line.ts";

/** A line that was not understood, as it is kept. */
export interface Quarantined {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  /** The line as it stood in the file, at most 500 characters of it. */
  readonly text: string;
}

const space = "quarantine";
const textLengthMax = 500;

/** The writes that keep lines for whoever looks into them; `file` is its id. */
export function quarantineChanges(file: string, lines: readonly BadLine[]): readonly Put[] {
  return lines.map(({ number, reason, text }) => ({
    op: "put",
    cell: { space, key: `${file}/${number.toString().padStart(12, "0")}` },
    expect: "any",
    value: JSON.stringify({ reason, text: text.slice(0, textLengthMax) }),
  }));
}

/** Everything in quarantine, by file and line. */
export async function* quarantined(engine: Engine): AsyncGenerator<Quarantined> {
  for await (const cell of engine.scan({ kind: "cells", space })) {
    const [file = "", line = ""] = cell.key.split("/");
    const { reason, text } = JSON.parse(cell.value) as Pick<Quarantined, "reason" | "text">;
    yield { file, line: Number(line), reason, text };
  }
}
