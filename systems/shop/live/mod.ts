export { readStartConfig, startUsage, type StartConfig } from "./config.ts";
export { startCommand, type StartSurroundings } from "./start.ts";
