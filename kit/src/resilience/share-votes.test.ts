import { describe, expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { breaker, type Breaker } from "./breaker.ts";
import { shareVotes } from "./share-votes.ts";
import { type BreakerVote, memoryVoteBus } from "./vote-bus.ts";

function fleet(size: number): { clock: ManualClock; nodes: Breaker[]; votes: BreakerVote[]; held: DisposableStack } {
  const clock = manualClock();
  const bus = memoryVoteBus();
  const votes: BreakerVote[] = [];
  const held = new DisposableStack();
  held.use(bus.subscribe((vote) => votes.push(vote)));
  const nodes = Array.from({ length: size }, (_, node) => {
    const stock = breaker({
      name: "stock",
      trip: { kind: "consecutive", failures: 1 },
      openMs: 1_000,
      probes: { permits: 1 },
      clock,
    });
    held.use(shareVotes(stock, { bus, node: `node-${node}`, members: () => size, validMs: 5_000, clock }));
    return stock;
  });
  return { clock, nodes, votes, held };
}

function fail(stock: Breaker | undefined): void {
  const permit = stock?.tryAcquire();
  if (permit?.allowed === true) permit.failure();
}

const statesOf = (nodes: readonly Breaker[]): string[] => nodes.map(({ state }) => state);

describe("shared votes", () => {
  test("one bad node does not poison the others, a quorum opens all (Polly #287)", () => {
    const { nodes, votes, held } = fleet(4);
    using _held = held;
    fail(nodes[0]);
    expect(statesOf(nodes)).toEqual(["open", "closed", "closed", "closed"]);
    fail(nodes[1]);
    expect(statesOf(nodes)).toEqual(["open", "open", "open", "open"]);
    // Who opened because others said so does not say it again.
    expect(votes.map(({ node, vote }) => `${node} ${vote}`)).toEqual(["node-0 open", "node-1 open"]);
  });

  test("two votes are needed at least, also among two", () => {
    const { nodes, held } = fleet(2);
    using _held = held;
    fail(nodes[0]);
    expect(statesOf(nodes)).toEqual(["open", "closed"]);
  });

  test("a vote ends by itself", async () => {
    const { nodes, clock, held } = fleet(4);
    using _held = held;
    fail(nodes[0]);
    await clock.advance(5_000);
    fail(nodes[1]);
    expect(statesOf(nodes).slice(2)).toEqual(["closed", "closed"]);
  });

  test("each node closes by its own probes, withdraws its vote, and nothing echoes", async () => {
    const { nodes, votes, clock, held } = fleet(3);
    using _held = held;
    fail(nodes[0]);
    fail(nodes[1]);
    await clock.advance(1_000);
    const probe = nodes[0]?.tryAcquire();
    if (probe?.allowed === true) probe.success();
    expect(statesOf(nodes)).toEqual(["closed", "half-open", "half-open"]);
    expect(votes.at(-1)).toMatchObject({ node: "node-0", vote: "withdrawn" });
    fail(nodes[2]);
    expect(nodes[0]?.state).toBe("open");
  });

  test("a node that leaves withdraws its vote and hears no more", () => {
    const { nodes, votes, held } = fleet(3);
    fail(nodes[0]);
    held[Symbol.dispose]();
    expect(votes.filter(({ vote }) => vote === "withdrawn").length).toBeGreaterThan(0);
    fail(nodes[1]);
    expect(statesOf(nodes)).toEqual(["open", "open", "closed"]);
  });
});
