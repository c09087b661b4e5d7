import { describe, test } from "vitest";
import { openAmqp } from "../../drivers/amqp/mod.ts";
import { absent, brokerUrl, cuttingProxy, freshName } from "../../drivers/amqp/server.test-amqp.ts";
import { exerciseBus } from "../conformance/mod.ts";
import { openAmqpBus } from "./mod.ts";

const why = await absent();

describe.skipIf(why !== undefined)(`RabbitMQ ${why ?? ""}`, { timeout: 30_000 }, () => {
  exerciseBus(
    "amqp",
    async ({ onFault }) => {
      const prefix = freshName();
      const proxy = await cuttingProxy();
      const one = await openAmqpBus({ url: brokerUrl, prefix, onFault });
      const two = await openAmqpBus({ url: proxy.url, prefix, onFault });
      const close = async (): Promise<void> => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
        await using broker = await openAmqp({ url: brokerUrl });
        await broker.ask("cleaning up", (wire) => wire.deleteExchange(`${prefix}.bus`));
      };
      return { one, two, cut: () => proxy.cutAll(), [Symbol.asyncDispose]: close };
    },
    { test },
  );
});
