import { expect, test } from "vitest";
import { isGone, ownIdentity } from "./process-identity-system.ts";

const own = ownIdentity();
// No process has this number: Linux gives at most 2^22.
const noProcess = 2 ** 30;

test.runIf(process.platform === "linux")("a living process is not gone, and one that is not there is", () => {
  expect(isGone(own, own)).toBe(false);
  expect(isGone({ ...own, pid: noProcess }, own)).toBe(true);
});

test.runIf(process.platform === "linux")("a number that was given to another process is gone", () => {
  expect(isGone({ ...own, started: "1" }, own)).toBe(true);
});

test("after a restart of the machine and from another container nothing is certain", () => {
  expect(isGone({ ...own, pid: noProcess, boot: "another" }, own)).toBe(false);
  expect(isGone({ ...own, pid: noProcess, namespace: "another" }, own)).toBe(false);
  expect(isGone({ ...own, pid: noProcess, started: "" }, own)).toBe(false);
});
