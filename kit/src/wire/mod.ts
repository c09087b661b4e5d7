export { openWireServer, type OpenWireServerOptions, type WireServer } from "./server.ts";
export { wireClient, type WireClient, type WireClientOptions, type WireClientState } from "./client.ts";
export type { WireCallOptions, WireHandlers, WireIncoming, WireRequest, WireStreamOptions } from "./requests.ts";
export type { WireSettings } from "./settings.ts";
export { ListenError, WireError, WireReplyError } from "./errors.ts";
export type { ChannelListener, TextChannel } from "./channel.ts";
