export {
  badStore,
  deathsAtStatements,
  type EngineFaultOptions,
  fullDisks,
  machineClockJumps,
  powerCuts,
} from "./engine-faults.ts";
export { type CrashPoint, type DiskOptions, SimulatedDisk } from "./simulated-disk.ts";
export { SimulatedStore, type StoreFaults } from "./simulated-store.ts";
