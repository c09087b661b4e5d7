// Started by instances.real.test.ts: says whether it takes itself, and a process that does not exist, for gone while no file can be opened.
import { closeSync, openSync } from "node:fs";
import { isGone, ownIdentity } from "./process-identity-system.ts";

const own = ownIdentity();
const open: number[] = [];
try {
  for (;;) open.push(openSync("/dev/null", "r"));
} catch {
  // No file is left for this process.
}
const answers = [isGone(own, own), isGone({ ...own, pid: 2 ** 30 }, own)];
for (const file of open) closeSync(file);
process.stdout.write(`${answers.join(" ")}\n`);
