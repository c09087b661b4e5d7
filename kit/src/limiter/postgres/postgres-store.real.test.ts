import { beforeEach, test } from "vitest";
import { dropSchema, freshSchema, needsServer, serverUrl } from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseStore } from "../conformance/mod.ts";
import { openPostgresStore } from "./mod.ts";

beforeEach(needsServer);

exerciseStore(
  "postgres",
  async ({ clock }) => {
    const stack = new AsyncDisposableStack();
    const schema = freshSchema();
    stack.defer(() => dropSchema(schema));
    const open = async () => stack.use(await openPostgresStore({ url: serverUrl, schema, clock }));
    return { store: await open(), openAnother: open, dispose: () => stack.disposeAsync() };
  },
  { test },
);
