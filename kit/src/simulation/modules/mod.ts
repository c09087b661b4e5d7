export { simulatedModules, type SimulatedModules } from "./simulated-modules-system.ts";
