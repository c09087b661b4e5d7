import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { wireClient, type WireClient } from "./client.ts";
import { WireReplyError } from "./errors.ts";
import { channelPair, type Pair, type TestChannel } from "./pair.test-wire.ts";
import type { WireCallOptions, WireHandlers, WireIncoming } from "./requests.ts";
import { ServerPeer } from "./server-peer.ts";
import { wireRules, type WireSettings } from "./settings.ts";

export type World = {
  readonly clock: ManualClock;
  readonly client: WireClient;
  readonly pairs: Pair[];
  readonly servers: ServerPeer[];
  readonly seen: WireIncoming[];
  readonly reasons: string[];
};

/** A time that is enough. */
export const within: WireCallOptions = { withinMs: 1_000 };

/** A client and, behind each connection that it makes, a server. The calls: `echo`, `refuse`, `break`, and `wait`, which ends with its signal. */
export async function withWire(
  run: (world: World) => Promise<void>,
  settings: {
    readonly client?: WireSettings;
    readonly server?: WireSettings;
    readonly stream?: WireHandlers["stream"];
  } = {},
): Promise<void> {
  const clock = manualClock();
  const pairs: Pair[] = [];
  const servers: ServerPeer[] = [];
  const seen: WireIncoming[] = [];
  const reasons: string[] = [];
  const rules = wireRules({ identity: "server", clock, ...settings.server });
  const handlers: WireHandlers = {
    async call(incoming) {
      seen.push(incoming);
      if (incoming.method === "refuse") throw new WireReplyError({ why: incoming.body });
      if (incoming.method === "break") throw new Error("secret");
      if (incoming.method === "odd") return 10n;
      if (incoming.method === "grow") return [incoming.body, incoming.body];
      if (incoming.method === "wait")
        await new Promise((_, reject) => {
          incoming.signal.addEventListener("abort", () => reject(incoming.signal.reason as Error));
        });
      return incoming.body;
    },
    stream: settings.stream,
  };
  const connect = (): TestChannel => {
    const pair = channelPair();
    pairs.push(pair);
    const ended = (_: ServerPeer, reason: string): void => void reasons.push(reason);
    servers.push(new ServerPeer(pair.far, rules, { handlers, ended }));
    return pair.near;
  };
  const random = seededRandom("wire");
  await using client = wireClient({ identity: "client", address: "there", clock, random, connect, ...settings.client });
  await run({ clock, client, pairs, servers, seen, reasons });
}

/** What a promise is rejected with; waited for from the start. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
