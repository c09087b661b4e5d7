export { exerciseEngineCrashes, type CrashOptions } from "./exercise-crashes.real.ts";
export type { OpenCrashEngine } from "./crash-process.real.ts";
export { exerciseEngine, type ExerciseOptions } from "./exercise-engine.ts";
export type { Bed, EngineFixture, OpenEngine, Rule, Skip, TestFunction } from "./rule.ts";
