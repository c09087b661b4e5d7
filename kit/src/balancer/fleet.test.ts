import { expect, test } from "vitest";
import { simulate } from "./fleet.test-simulation.ts";

const requests = 12_000;

test("with one node of ten five times slower, the default's p99 is within 1.15 of the healthy fleet's", () => {
  const healthy = simulate({ options: {}, load: 0.7, requests });
  const slow = simulate({ options: {}, load: 0.7, slowness: 5, requests });
  expect(healthy.p99).toBeLessThan(60);
  expect(slow.p99 / healthy.p99).toBeLessThan(1.15);
});

test("what the default is compared with does worse in the same fleet", () => {
  const p99Of = (algorithm: "least-requests" | "two-choices" | "round-robin" | "peak-ewma"): number =>
    simulate({ options: { algorithm, ejection: "off" }, load: 0.7, slowness: 5, requests }).p99;
  const best = p99Of("peak-ewma");
  expect(p99Of("least-requests")).toBeGreaterThan(1.15 * best);
  expect(p99Of("two-choices")).toBeGreaterThan(1.5 * best);
  expect(p99Of("round-robin")).toBeGreaterThan(20 * best); // its queue grows without bound
});

test("bounded load keeps a hash from queueing without bound behind the slow node", () => {
  const bounded = simulate({ options: { algorithm: "rendezvous" }, load: 0.7, slowness: 5, requests });
  const plain = simulate({
    options: { algorithm: { kind: "rendezvous", loadFactor: 1_000 }, ejection: "off" },
    load: 0.7,
    slowness: 5,
    requests,
  });
  expect(bounded.p99).toBeLessThan(120);
  expect(plain.p99).toBeGreaterThan(1_000);
});
