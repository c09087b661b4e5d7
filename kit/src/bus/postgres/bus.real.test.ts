import { describe, test } from "vitest";
import {
  absent,
  cuttingProxy,
  dropSchema,
  freshSchema,
  serverUrl,
} from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseBus } from "../conformance/mod.ts";
import { openPostgresBus } from "./mod.ts";

const why = await absent();

describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 30_000 }, () => {
  exerciseBus(
    "postgres",
    async ({ onFault }) => {
      const schema = freshSchema();
      const channel = schema;
      const proxy = await cuttingProxy();
      const one = await openPostgresBus({ url: serverUrl, schema, channel, onFault });
      const two = await openPostgresBus({ url: proxy.url, schema, channel, onFault });
      const close = async (): Promise<void> => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
        await dropSchema(schema);
      };
      return { one, two, cut: () => proxy.cutAll(), [Symbol.asyncDispose]: close };
    },
    { test, lacks: { groups: "NOTIFY goes to everybody" } },
  );
});
