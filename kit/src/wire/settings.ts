import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, textOf } from "../errors/mod.ts";

/** Bounds and times of a connection; both sides have their own. */
export interface WireSettings {
  /** Longest frame either way, 1 KiB to 256 Mi characters. Default 4 Mi. */
  readonly frameMax?: number | undefined;
  /** Text that may wait to be written before calls are refused, 64 Ki to 1 Gi characters. Default 16 Mi. */
  readonly waitingMax?: number | undefined;
  /** Calls and streams in flight on one connection, 1 to 1e6. Default 10,000. */
  readonly callsMax?: number | undefined;
  /** Time for connecting and the handshake, 10 ms to a minute. Default 5 s. */
  readonly handshakeMs?: number | undefined;
  /** Silence after which a peer is asked whether it is there; silent for as long again it is taken for gone, after three times as long at most; 50 ms to 10 min. Default 5 s. */
  readonly silenceMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** All of {@link WireSettings}, in range. */
export interface WireRules extends Required<{ [K in keyof WireSettings]: NonNullable<WireSettings[K]> }> {
  readonly identity: string;
}

/** Throws ConfigError. */
export function wireRules(settings: WireSettings & { readonly identity: string }): WireRules {
  const { frameMax = 4_194_304, waitingMax = 16_777_216, callsMax = 10_000, clock = systemClock } = settings;
  return {
    identity: textOf("identity", settings.identity),
    frameMax: integerIn("frameMax", frameMax, { min: 1_024, max: 268_435_456 }),
    waitingMax: integerIn("waitingMax", waitingMax, { min: 65_536, max: 1_073_741_824 }),
    callsMax: integerIn("callsMax", callsMax, { min: 1, max: 1_000_000 }),
    handshakeMs: integerIn("handshakeMs", settings.handshakeMs ?? 5_000, { min: 10, max: 60_000 }),
    silenceMs: integerIn("silenceMs", settings.silenceMs ?? 5_000, { min: 50, max: 600_000 }),
    clock,
  };
}
