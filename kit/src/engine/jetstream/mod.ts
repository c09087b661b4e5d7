export { type JetStreamEngine, type JetStreamHealth, openJetStreamEngine } from "./engine.ts";
export type { JetStreamDurability, JetStreamEngineOptions } from "./options.ts";
