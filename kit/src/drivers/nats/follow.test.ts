import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { follow } from "./follow.ts";
import { NatsError } from "./nats-error.ts";
import type { NatsConnection, RequestOptions } from "./open.ts";

test("a reader whose consumer fell silent asks again soon while nobody answers, and every third time with more patience", async () => {
  const clock = manualClock();
  const created = new Date(0).toISOString();
  const waits: (number | undefined)[] = [];
  let answers = true;
  const request = async (subject: string, _: unknown, { withinMs }: RequestOptions = {}): Promise<unknown> => {
    if (!answers) {
      if (!subject.includes("DELETE")) waits.push(withinMs);
      await clock.sleep(withinMs ?? 10_000);
      throw new NatsError("connection", "no answer");
    }
    const facts = { config: {}, state: {}, created };
    return { data: new TextEncoder().encode(JSON.stringify(subject.includes("CONSUMER") ? { name: "c" } : facts)) };
  };
  const nothing = { [Symbol.dispose]: () => undefined };
  const connection = {
    clock,
    request,
    isConnected: true,
    apiPrefix: "$JS.API",
    inbox: () => "inbox",
    hear: () => nothing,
    watch: () => nothing,
  } as unknown as NatsConnection;
  const follower = { message: () => undefined, failed: (error: unknown) => expect.unreachable(String(error)) };
  const following = await follow(connection, { stream: "s", after: 0, follower });
  answers = false;
  await clock.advance(5_000 + 1_250 + 2_250 + 4_250 + 100);
  expect(waits).toEqual([1_000, 2_000, 4_000, 1_000]);
  expect(following.isFollowing).toBe(false);
  answers = true;
  await clock.advance(2_000);
  expect(following.isFollowing).toBe(true);
  await following[Symbol.asyncDispose]();
});
