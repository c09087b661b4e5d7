import { manualClock, systemClock } from "../clock/mod.ts";
import { contract } from "../contract/mod.ts";
import { idSource, seededRandom } from "../random/mod.ts";
import { fixedDirectory } from "../registry/mod.ts";
import { expect, test } from "vitest";
import { operationAddress } from "./link.ts";
import { remoteDispatcher } from "./remote-dispatcher.ts";
import { wireTransport } from "./wire-link.ts";

const stock = contract("stock", {});

test("a feed of events that nobody serves is named as such", async () => {
  const clock = manualClock();
  const random = seededRandom("feed");
  const nextId = idSource({ clock, random });
  const links = (): never => expect.unreachable();
  using remote = remoteDispatcher({ directory: fixedDirectory({}), links, clock, random, nextId, patienceMs: 0 });
  const read = remote.feed(stock)({ after: 0, limit: 1, names: [], waitMs: 0, signal: new AbortController().signal });
  const failed = read.catch((error: unknown) => error);
  await clock.advance(1_000);
  expect(await failed).toMatchObject({
    message: "stock@1.events is unavailable: no process that runs it is known",
  });
});

test("an address that nobody listens at is told once as what was not sent", async () => {
  await using links = wireTransport.links({ identity: "here", clock: systemClock, random: seededRandom("links") });
  const to = operationAddress({ kind: "call", contract: "stock@1", name: "count", hash: "h" });
  await expect(links.to("127.0.0.1:1").call({ to, input: {} }, { withinMs: 5_000 })).rejects.toThrow(
    /^not sent: 127\.0\.0\.1:1: connect ECONNREFUSED/,
  );
});
