import { expect, test } from "vitest";
import type { Clock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { strategyOf, strategyText, type Strategy, world } from "./mod.ts";

const steps = 20;

/** Two processes take turns at one moment; the bug shows when one of them does all of its turns between two turns of the other. */
async function showsBug(seed: number, strategy: Strategy): Promise<boolean> {
  const here = world({ seed, strategy });
  const flags = { begun: false, overtaken: false, bug: false };
  const turn = (clock: Clock): Promise<void> => new Promise((resolve) => clock.nextTurn(resolve));
  const quick = here.node("quick", {
    async start({ clock }) {
      await turn(clock);
      flags.begun = true;
      await turn(clock);
      flags.bug = flags.overtaken;
    },
  });
  const slow = here.node("slow", {
    async start({ clock }) {
      await turn(clock);
      const wasBegun = flags.begun;
      for (let step = 0; step < steps; step++) await turn(clock);
      flags.overtaken = wasBegun;
    },
  });
  await here.run(async () => void (await Promise.all([quick.start(), slow.start()])));
  return flags.bug;
}

test("a deep order is met by shuffling, for a rank is drawn once and kept while others come and go, and by priorities", async () => {
  const found = { fifo: 0, random: 0, pct: 0 };
  for (let seed = 0; seed < 400; seed++) {
    if (await showsBug(seed, { kind: "fifo" })) found.fifo++;
    if (await showsBug(seed, { kind: "random" })) found.random++;
    if (await showsBug(seed, { kind: "pct", changes: 2, eventsAbout: 3 * steps })) found.pct++;
  }
  expect(found).toEqual({ fifo: 0, random: expect.toSatisfy(above), pct: expect.toSatisfy(above) });
});

const above = (count: number): boolean => count > 2;

test("a strategy is a word of the command, and another word is refused", () => {
  for (const text of ["fifo", "random", "pct:3"]) expect(strategyText(strategyOf(text))).toBe(text);
  expect(() => strategyOf("lucky")).toThrow(ConfigError);
});
