import type { Engine, Put } from "ashlar/engine";
import type { BadLine, Quarantined } from "../../contracts/mod.ts";

const space = "quarantine";
const textLengthMax = 500;

/** The writes that keep lines for whoever looks into them; `file` is its id. */
export function quarantineChanges(file: string, lines: readonly BadLine[]): readonly Put[] {
  return lines.map(({ line, reason, text }) => ({
    op: "put",
    cell: { space, key: `${file}/${line.toString().padStart(12, "0")}` },
    expect: "any",
    value: JSON.stringify({ reason, text: text.slice(0, textLengthMax) }),
  }));
}

/** How many lines are in quarantine. */
export async function countQuarantined(engine: Engine): Promise<number> {
  let count = 0;
  for await (const _ of engine.scan({ kind: "cells", space })) count += 1;
  return count;
}

/** A page of what is in quarantine, by file and line. */
export async function quarantinedPage(
  engine: Engine,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<{ lines: Quarantined[]; next?: string }> {
  const lines: Quarantined[] = [];
  let last = "";
  for await (const cell of engine.scan({ kind: "cells", space, after, limit })) {
    const [file = "", line = ""] = cell.key.split("/");
    const { reason, text } = JSON.parse(cell.value) as Pick<Quarantined, "reason" | "text">;
    lines.push({ file, line: Number(line), reason, text });
    last = cell.key;
    if (lines.length === limit) break;
  }
  return lines.length < limit ? { lines } : { lines, next: last };
}
