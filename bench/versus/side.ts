// Runs one side of one row in this process and prints its figure as one line of JSON: `limit`, `ours`, or the number of a rival.
import { writeSync } from "node:fs";

import { rows } from "./rows/all.ts";

const [path, side = ""] = process.argv.slice(2);
const row = rows.find((candidate) => candidate.path === path);
const measure = side === "ours" || side === "limit" ? row?.[side] : row?.rivals?.[Number(side)];
if (measure === undefined) throw new Error(`no side "${side}" of row "${path}"`);
writeSync(1, `${JSON.stringify(await measure())}\n`);
process.exit(0);
