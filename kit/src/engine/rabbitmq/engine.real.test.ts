import { describe, test } from "vitest";
import { absent, brokerUrl, freshName } from "../../drivers/amqp/server.test-amqp.ts";
import { exerciseEngine, type OpenEngine } from "../conformance/mod.ts";
import { removeEngine } from "./engine.test-rabbit.ts";
import { openRabbitEngine, type RabbitEngine } from "./mod.ts";
import { skips } from "./skips.test-rabbit.ts";

const openEngine: OpenEngine = async ({ clock }) => {
  const prefix = freshName();
  const opened: RabbitEngine[] = [];
  const open = async (): Promise<RabbitEngine> => {
    // Nobody but a claim moves anything: the clock of the rules stands still.
    const engine = await openRabbitEngine({ url: brokerUrl, prefix, clock, lanes: 10, unclaimedMaxMs: 2 ** 40 });
    opened.push(engine);
    return engine;
  };
  const engine = await open();
  const closeAll = async (): Promise<void> => {
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
  };
  return {
    engine,
    openAnother: open,
    reopen: async () => {
      await closeAll();
      return await open();
    },
    dispose: async () => {
      await closeAll();
      await removeEngine(prefix, ["jobs", "other"]);
    },
  };
};

const why = await absent();

describe.skipIf(why !== undefined)(`RabbitMQ ${why ?? ""}`, { timeout: 30_000 }, () => {
  exerciseEngine("rabbitmq", openEngine, {
    test,
    lacks: ["cells", "events", "inbox", "lists"],
    // Most steps of a history are keys, wakes, scans and delays, which this engine refuses.
    histories: { count: 0 },
    skip: skips,
  });
});
