import type { Cell, Change, Receipt } from "../engine/mod.ts";
import type { Host } from "./host.ts";
import { pagesAtOnceMax } from "./journal.ts";
import { pageCell, type RunHeader } from "./run-record.ts";

/**
 * Lets the pages of a long run that has ended expire with its cell, a bounded batch a commit. The run's message is given back only
 * afterwards, so that whoever dies in between is followed by another, who begins anew: pages that expire already are passed over.
 */
export async function expirePages(
  host: Host,
  ended: { readonly saga: string; readonly cell: Cell; readonly header: RunHeader; readonly receipt: Receipt },
): Promise<"done" | "lost"> {
  const { saga, cell, header, receipt } = ended;
  const expiresInMs = Math.max(1, (cell.expiresAtMs ?? 0) - host.engine.clock.now());
  const pages = Array.from({ length: header.pages ?? 0 }, (_, page) => pageCell(saga, cell.key, page));
  for (let from = 0; from < pages.length; from += pagesAtOnceMax) {
    const stored = await host.cells(pages.slice(from, from + pagesAtOnceMax));
    const puts = stored.flatMap((page): readonly Change[] =>
      page === undefined || page.expiresAtMs !== undefined
        ? []
        : [{ op: "put", cell: { space: page.space, key: page.key }, expect: "any", value: page.value, expiresInMs }],
    );
    const result = await host.engine.commit([{ op: "hold", receipt }, ...puts]);
    if (!result.committed) return "lost";
  }
  return "done";
}
