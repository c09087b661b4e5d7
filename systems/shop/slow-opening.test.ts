import { manualClock } from "ashlar/clock";
import { expect, test } from "vitest";
import { saidWhenSlow } from "./slow-opening.ts";

test("what opens slowly is named after three seconds, once; what opens or fails before is not", async () => {
  const clock = manualClock();
  const notes: string[] = [];
  const around = { clock, where: "here", note: (text: string) => void notes.push(text) };
  expect(await saidWhenSlow(Promise.resolve("open"), around)).toBe("open");
  await expect(saidWhenSlow(Promise.reject(new Error("no")), around)).rejects.toThrow("no");
  const { promise, resolve } = Promise.withResolvers<string>();
  await clock.advance(10_000);
  const slow = saidWhenSlow(promise, around);
  await clock.advance(2_999);
  expect(notes).toEqual([]);
  await clock.advance(10_000);
  expect(notes).toEqual(["Opening the shop, data in here …\n"]);
  resolve("open");
  expect(await slow).toBe("open");
});
