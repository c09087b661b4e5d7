import { integerIn, textOf } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { TextChannel } from "./channel.ts";
import type { WireHandlers } from "./requests.ts";
import { ServerPeer } from "./server-peer.ts";
import { type WireSettings, wireRules } from "./settings.ts";
import { listenChannels } from "./socket-system.ts";

/** Options of {@link openWireServer}. */
export interface OpenWireServerOptions extends WireHandlers, WireSettings {
  /** Name of this process, told to callers. */
  readonly identity: string;
  /** `host:port`, port 0 for any, or the path of a socket file, with a `/` in it. Default "127.0.0.1:0". */
  readonly address?: string | undefined;
  /** Connections at once, 1 to 100,000; a further one is closed. Default 1,000. */
  readonly connectionsMax?: number | undefined;
  /** How long closing waits for what was begun, 0 to 1 h. Default 10 s. */
  readonly graceMs?: number | undefined;
}

/** A server that listens. Closing it says goodbye, lets what was begun be answered within `graceMs`, then closes the rest. */
export interface WireServer extends AsyncDisposable {
  /** Where callers find it. */
  readonly address: string;
  readonly connections: readonly { readonly peer: string; readonly inFlight: number }[];
}

const closedConnection = telemetryChannel("ashlar.wire.closed");

/** Listens for callers. Rejects with {@link ConfigError}, and with ListenError when the address cannot be listened at. */
export async function openWireServer(options: OpenWireServerOptions): Promise<WireServer> {
  const rules = wireRules(options);
  const connectionsMax = integerIn("connectionsMax", options.connectionsMax ?? 1_000, { min: 1, max: 100_000 });
  const graceMs = integerIn("graceMs", options.graceMs ?? 10_000, { min: 0, max: 3_600_000 });
  const peers = new Set<ServerPeer>();
  let idle: (() => void) | undefined;
  let closing: Promise<void> | undefined;
  const ended = (peer: ServerPeer, reason: string): void => {
    peers.delete(peer);
    if (closedConnection.active) closedConnection.publish({ side: "server", peer: peer.identity, reason });
    if (peers.size === 0) idle?.();
  };
  const accept = (channel: TextChannel): void => {
    if (peers.size >= connectionsMax) return channel.destroy();
    const peer = new ServerPeer(channel, rules, { handlers: options, ended });
    peers.add(peer);
    // Accepted in the turn in which the goodbyes were said.
    if (closing !== undefined) peer.leave();
  };
  const place = textOf("address", options.address ?? "127.0.0.1:0", { lengthMax: 1_024 });
  const { address, server } = await listenChannels(place, accept);
  const close = async (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const peer of peers) peer.leave();
    if (peers.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      idle = resolve;
      const timer = rules.clock.setTimer(graceMs, resolve);
      await promise;
      timer.cancel();
      for (const peer of peers) peer.destroy("the server has closed");
    }
    await stopped;
  };
  return {
    address,
    get connections() {
      return Array.from(peers, ({ identity, inFlight }) => ({ peer: identity, inFlight }));
    },
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}
