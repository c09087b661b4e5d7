import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** The number of this run on these data, 1 for the first. A folder a run: making one that is there is refused, so that no two runs get the
 *  same, whatever becomes of them. */
export async function nextRun(data: string): Promise<number> {
  await mkdir(join(data, "runs"), { recursive: true });
  for (let run = 1; ; run++) {
    try {
      await mkdir(join(data, "runs", String(run)));
      return run;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}
