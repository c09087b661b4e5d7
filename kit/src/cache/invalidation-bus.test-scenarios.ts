import { expect, type TestAPI } from "vitest";
import { systemClock } from "../clock/mod.ts";
import type { BusMessage, InvalidationBus } from "./mod.ts";

/** Buses on one channel of its own. */
export interface ChannelBed extends AsyncDisposable {
  /** By a way of its own that can be cut. */
  readonly far: InvalidationBus;
  readonly near: InvalidationBus;
  /** Cuts the far one's way, and lets nothing through until it is opened. */
  readonly shut: () => void;
  readonly open: () => void;
  /** Takes the channel away with all that is in it. */
  readonly remove: () => Promise<void>;
  /** Sends what is no message, as one that listeners get a number for. */
  readonly babble: () => Promise<void>;
}

/** An invalidation of one key. */
export const keyMessage = (key: string, source = "test"): BusMessage => ({
  source,
  target: { keys: [key] },
  mode: "hard",
  olderThan: undefined,
});

/** Asks until it is so, for fifteen seconds at most. */
async function until(wanted: () => boolean): Promise<void> {
  const untilMs = systemClock.monotonic() + 15_000;
  while (!wanted()) {
    if (systemClock.monotonic() > untilMs) throw new Error("it did not come to pass");
    await systemClock.sleep(10);
  }
}

/** Registers what every bus that keeps its last messages goes through, beside the conformance suite. */
export function exerciseKeptChannel(
  name: string,
  open: () => Promise<ChannelBed>,
  { test }: { readonly test: TestAPI },
): void {
  for (const [rule, run] of Object.entries(scenarios))
    test(`${name}: ${rule}`, async () => {
      await using bed = await open();
      await run(bed);
    });
}

const scenarios: Readonly<Record<string, (bed: ChannelBed) => Promise<void>>> = {
  "a listener whose connection was lost hears what it missed, in order, without a gap": async (bed) => {
    const heard: [string, number][] = [];
    await using subscription = await bed.far.subscribe(({ source }, sequence) => void heard.push([source, sequence]));
    bed.shut();
    for (let n = 0; n < 20; n++) await bed.near.publish(keyMessage(`k${n}`, `m${n}`));
    bed.open();
    await until(() => heard.length === 20);
    await bed.near.publish(keyMessage("k20", "m20"));
    await until(() => heard.length === 21);
    expect(heard).toEqual(heard.map((_, n) => [`m${n}`, subscription.sequence + n + 1]));
  },

  "who was away for longer than messages are kept sees a gap": async (bed) => {
    const heard: number[] = [];
    await using subscription = await bed.far.subscribe((_, sequence) => void heard.push(sequence));
    bed.shut();
    for (let n = 0; n < 1_050; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => bed.near.publish(keyMessage(`k${n + k}`))));
    bed.open();
    await until(() => heard.at(-1) === subscription.sequence + 1_050);
    expect(heard[0]).toBeGreaterThan(subscription.sequence + 1);
  },

  "a channel that is removed is made again, and the numbers show it to everybody": async ({ near, remove }) => {
    const heard: [string, number][] = [];
    await using _ = await near.subscribe(({ source }, sequence) => void heard.push([source, sequence]));
    const first = await near.publish(keyMessage("a"));
    await until(() => heard.length === 1);
    await remove();
    const second = await near.publish(keyMessage("b", "later"));
    expect(second).toBeGreaterThan(first + 1);
    expect(await near.latest()).toBe(second);
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual(["later", second]);
  },

  "what is no message is passed over, and its number is missing": async ({ near, babble }) => {
    const heard: number[] = [];
    await using subscription = await near.subscribe((_message, sequence) => void heard.push(sequence));
    await babble();
    await near.publish(keyMessage("a"));
    await until(() => heard.length === 1);
    expect(heard).toEqual([subscription.sequence + 2]);
  },
};
