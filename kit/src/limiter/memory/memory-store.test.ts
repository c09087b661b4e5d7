import { test } from "vitest";
import { exerciseStore } from "../conformance/mod.ts";
import { memoryStore } from "./mod.ts";

exerciseStore("memory", async ({ clock }) => ({ store: memoryStore({ clock }), dispose: async () => undefined }), {
  test,
  histories: { count: 100 },
});
