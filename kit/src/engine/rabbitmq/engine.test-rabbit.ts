import type { Clock } from "../../clock/mod.ts";
import { openAmqp } from "../../drivers/amqp/mod.ts";
import { brokerUrl, freshName } from "../../drivers/amqp/server.test-amqp.ts";
import { ladderLevels } from "./ladder.ts";
import { openRabbitEngine, type RabbitEngine, type RabbitEngineOptions } from "./mod.ts";
import { namesOf } from "./names.ts";

/** Removes all that an engine with this prefix has declared at the broker. */
export async function removeEngine(prefix: string, queues: readonly string[], url: string = brokerUrl): Promise<void> {
  const names = namesOf(prefix);
  await using broker = await openAmqp({ url });
  await broker.ask("cleaning up", async (wire) => {
    for (const queue of queues) {
      await wire.deleteQueue(names.dead(queue));
      for (let lane = 0; lane < 10; lane++) await wire.deleteQueue(names.lane(queue, lane));
    }
    for (let level = 0; level < ladderLevels; level++) {
      await wire.deleteQueue(names.delay(level));
      await wire.deleteExchange(names.delay(level));
    }
    await wire.deleteExchange(names.due);
  });
}

/** Opens an engine with a prefix of its own, whose queues are removed at the end. */
export async function openFreshEngine(
  queues: readonly string[],
  options: Partial<RabbitEngineOptions> & { readonly clock?: Clock } = {},
): Promise<RabbitEngine & { readonly prefix: string }> {
  const prefix = options.prefix ?? freshName();
  const engine = await openRabbitEngine({ url: brokerUrl, ...options, prefix });
  const close = engine[Symbol.asyncDispose].bind(engine);
  return Object.assign(engine, {
    prefix,
    [Symbol.asyncDispose]: async () => {
      await close();
      await removeEngine(prefix, queues);
    },
  });
}
