export { type MemoryEngine, type MemoryEngineOptions, openMemoryEngine } from "./engine.ts";
