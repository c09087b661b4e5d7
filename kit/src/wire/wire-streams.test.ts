import { expect, test } from "vitest";
import { WireReplyError } from "./errors.ts";
import { rejection, withWire } from "./world.test-wire.ts";

test("a stream sends no more than its reader has room for, and ends when the reader leaves", async () => {
  let made = 0;
  let ended = "no";
  await withWire(
    async ({ client, clock }) => {
      const seen: unknown[] = [];
      for await (const item of client.stream({ method: "numbers", body: 10 }, {})) {
        seen.push(item);
        if (seen.length === 1) {
          await clock.settle();
          expect(made).toBeLessThanOrEqual(66);
        }
        if (seen.length === 200) break;
      }
      expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
      await clock.settle();
      expect(ended).toBe("yes");
      expect(client.inFlight).toBe(0);
    },
    {
      async *stream({ signal }) {
        try {
          for (made = 1; !signal.aborted; made++) yield made;
        } finally {
          ended = "yes";
        }
      },
    },
  );
});

test("a stream ends with its last item, with its error, and with its reader's signal", async () => {
  await withWire(
    async ({ client, clock }) => {
      const seen: unknown[] = [];
      for await (const item of client.stream({ method: "three", body: 0 }, {})) seen.push(item);
      expect(seen).toEqual([1, 2, 3]);
      const failing = client.stream({ method: "fail", body: 0 }, {});
      expect(await failing.next()).toEqual({ done: false, value: 1 });
      await expect(failing.next()).rejects.toMatchObject({ reply: "enough" });
      const controller = new AbortController();
      const endless = client.stream({ method: "hang", body: 0 }, { signal: controller.signal });
      expect(await endless.next()).toEqual({ done: false, value: 1 });
      const next = rejection(endless.next());
      await clock.settle();
      const reason = new Error("left");
      controller.abort(reason);
      expect(await next).toBe(reason);
    },
    {
      async *stream({ method, signal }) {
        yield 1;
        if (method === "fail") throw new WireReplyError("enough");
        if (method === "hang") await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        yield 2;
        yield 3;
      },
    },
  );
});
