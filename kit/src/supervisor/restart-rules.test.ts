import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { afterCrash, type CrashHistory, noCrashes, type RestartDecision, restartRules } from "./restart-rules.ts";

const rules = restartRules({ firstMs: 100, factor: 2, capMs: 1_000, healthyMs: 5_000, crashesMax: 100 });
const most = { ...seededRandom(1), next: () => 0.999_999 };
const least = { ...seededRandom(1), next: () => 0 };

function delays(random: typeof most, deaths: readonly number[]): number[] {
  let history: CrashHistory = noCrashes;
  return deaths.map((readyForMs, index) => {
    const decision: RestartDecision = afterCrash(history, { nowMs: index, readyForMs }, { rules, random });
    history = decision.history;
    return decision.kind === "restart" ? decision.delayMs : Number.NaN;
  });
}

describe("the back-off", () => {
  test("doubles up to its cap, between half and all of it", () => {
    expect(delays(most, [0, 0, 0, 0, 0, 0])).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(delays(least, [0, 0, 0, 0, 0, 0])).toEqual([50, 100, 200, 400, 500, 500]);
  });

  test("begins again after the child was healthy for long enough", () => {
    expect(delays(most, [0, 0, 4_999, 5_000, 0])).toEqual([100, 200, 400, 100, 200]);
  });
});

describe("a crash loop", () => {
  const strict = restartRules({ crashesMax: 2, windowMs: 1_000 });
  const kinds = (moments: readonly number[]): string[] => {
    let history: CrashHistory = noCrashes;
    return moments.map((nowMs) => {
      const decision = afterCrash(history, { nowMs, readyForMs: 99_999 }, { rules: strict, random: most });
      history = decision.history;
      return decision.kind;
    });
  };

  test("is one death more than is borne within the window, however long each life was", () => {
    expect(kinds([0, 500, 999])).toEqual(["restart", "restart", "give up"]);
    expect(kinds([0, 500, 1_000, 1_500, 1_999])).toEqual(["restart", "restart", "restart", "restart", "give up"]);
  });

  test("is found with no more memory than it needs", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 50 }), (gaps) => {
        let history: CrashHistory = noCrashes;
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          const decision = afterCrash(history, { nowMs, readyForMs: 0 }, { rules: strict, random: least });
          history = decision.history;
          expect(history.atMs.length).toBeLessThanOrEqual(3);
          expect(decision.kind === "give up").toBe(history.atMs.length === 3);
          if (decision.kind === "give up") return;
        }
      }),
    );
  });
});

test.each([
  { firstMs: 0 },
  { factor: 0.5 },
  { firstMs: 100, capMs: 50 },
  { crashesMax: -1 },
  { windowMs: 0 },
  { healthyMs: -1 },
])("the rules %j are refused", (options) => {
  expect(() => restartRules(options)).toThrow(ConfigError);
});
