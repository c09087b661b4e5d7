import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { exerciseStore } from "../conformance/mod.ts";
import { openSqliteStore } from "./mod.ts";

exerciseStore(
  "sqlite",
  async ({ clock }) => {
    const folder = mkdtempSync(join(tmpdir(), "ashlar-limiter-"));
    const stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(folder, { recursive: true }));
    const open = async () => stack.use(await openSqliteStore({ path: join(folder, "limits.db"), clock }));
    return { store: await open(), openAnother: open, dispose: () => stack.disposeAsync() };
  },
  { test },
);
