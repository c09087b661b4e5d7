import type { Cell, CellKey } from "../cell.ts";
import { ask, type Dataset, listOf } from "./dataset.ts";
import { scripts } from "./scripts.ts";

// Cells in one call: about 2 ms of the server.
const pageCells = 1_000;

/** Cells at the index of their key. Those of one page are of one moment. */
export async function getCells(dataset: Dataset, keys: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
  const found: (Cell | undefined)[] = [];
  for (let first = 0; first < keys.length; first += pageCells) {
    const page = keys.slice(first, first + pageCells);
    const words = page.flatMap(({ space, key }) => [space, key]);
    const [rows] = await ask(dataset, scripts.get, [String(page.length), ...words]);
    for (const [index, row] of listOf(rows).entries()) {
      const cell = page[index];
      found.push(row === 0 || cell === undefined ? undefined : cellOf(cell, listOf(row)));
    }
  }
  return found;
}

function cellOf({ space, key }: CellKey, [version, expires, value]: readonly unknown[]): Cell {
  const expiresAtMs = expires === -1 ? undefined : Number(expires);
  return { space, key, value: String(value), version: Number(version), expiresAtMs };
}
