import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { systemClock } from "../clock/mod.ts";
import type { BellTopic } from "./engine.ts";
import { type BellWire, FarBells } from "./far-bells.ts";

/** A wire on which a test hears what is sent, and sends what it likes. */
function wire() {
  const sent = gate<string>();
  let heard: Parameters<BellWire["hear"]>[0] | undefined;
  const own: BellWire = {
    send: (text) => {
      sent.open(text);
      return Promise.reject(new Error("nobody minds"));
    },
    hear: (given) => {
      heard = given;
      return { isListening: true, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
  return { own, sent: sent.promise, message: (text: string) => heard?.message(text) };
}

/** Which of two topics' listeners a message rings. */
async function rungBy(text: string): Promise<readonly string[]> {
  const { own, message } = wire();
  await using bells = new FarBells({ clock: systemClock, wire: own, own: "me" });
  await bells.start();
  const rung: string[] = [];
  for (const topic of ["queue:a", "queue:b"] as const) bells.add([topic], () => void rung.push(topic));
  message(text);
  await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
  return rung;
}

test("a message of another engine rings its topics, or all when it names none; one's own rings nothing", async () => {
  expect(await rungBy('["other","queue:a"]')).toEqual(["queue:a"]);
  expect(await rungBy('["other"]')).toEqual(["queue:a", "queue:b"]);
  expect(await rungBy('["me","queue:a"]')).toEqual([]);
});

test("a message of somebody else, who may say anything there, rings all and harms nobody", async () => {
  for (const text of ["hello", "", "null", "{}", "7"]) expect(await rungBy(text)).toEqual(["queue:a", "queue:b"]);
});

test("what rings within 5 ms goes out as one message, which names no topic when they are too many", async () => {
  for (const [count, expected] of [
    [2, '["me","queue:0","queue:1"]'],
    [1_000, '["me"]'],
  ] as const) {
    const { own, sent } = wire();
    await using bells = new FarBells({ clock: systemClock, wire: own, own: "me" });
    for (let n = 0; n < count; n++) bells.ring(new Set<BellTopic>([`queue:${n}`]));
    expect(await sent).toBe(expected);
  }
});

test("who closes while the server is away does not wait for his last message", async () => {
  const bells = new FarBells({ clock: systemClock, own: "me", wire: { ...wire().own, send: () => gate().promise } });
  bells.ring(new Set<BellTopic>(["queue:a"]));
  await expect(bells[Symbol.asyncDispose]()).resolves.toBeUndefined();
});
