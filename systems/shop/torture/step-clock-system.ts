/* oxlint-disable no-restricted-globals, no-restricted-properties -- it is the machine's own time that is stepped here */
// Preloaded into a process of the torture (`node --import`): steps the wall clock of that process at random moments, as an operator or a
// broken time server would. Monotonic time goes on undisturbed, as it does on a real machine.
import { createHash } from "node:crypto";

const everyMs = 300;
/** Back by a second or two, or ahead by up to an hour: then every lease that is held seems to be over. */
const backMs = 1_500;
const aheadMs = 3_600_000;

const realNow = Date.now.bind(Date);
let offsetMs = 0;
let steps = 0;
Date.now = () => realNow() + offsetMs;

/** From 0 to 1, by process and step: no two processes agree on the time. */
function chance(): number {
  return createHash("sha256").update(`${process.pid} ${steps++}`).digest().readUInt32LE() / 2 ** 32;
}

setInterval(() => {
  offsetMs += chance() < 0.5 ? -Math.floor(chance() * backMs) : Math.floor(chance() ** 4 * aheadMs);
}, everyMs).unref();
