import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { openSqliteEngine } from "../../engine/sqlite/mod.ts";
import { book } from "./paid-orders.ts";
import { welcome } from "./welcome-mail.ts";

test("welcome-mail: repeats are dropped, failures come back from the dead letters, the last mail is answered", async () => {
  await using engine = await openMemoryEngine();
  const sent: string[] = [];
  let isBroken = true;
  const send = async (mail: { readonly template: string }): Promise<string> => {
    if (isBroken) throw new Error("no connection");
    sent.push(mail.template);
    return `receipt ${sent.length}`;
  };
  expect(await welcome(engine, send, () => (isBroken = false))).toBe("receipt 2");
  expect(sent).toEqual(["welcome", "first steps"]);
});

test("paid-orders: every payment is booked once and told to its subscribers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-example-"));
  try {
    await using engine = await openSqliteEngine({ path: join(folder, "shop.db"), durability: "process" });
    const payments = Array.from({ length: 20 }, (_, index) => ({ order: `o${index}`, cents: 100 + index }));
    expect(await book(engine, payments)).toBe(2_190);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
