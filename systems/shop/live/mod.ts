export { readStartConfig, startUsage } from "./config.ts";
export { startCommand } from "./start.ts";
