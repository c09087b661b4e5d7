export type { Clock, SleepOptions, Timer, TimerOptions } from "./clock.ts";
export { systemClock } from "./clock-system.ts";
export { type ManualClock, manualClock, type ManualClockOptions } from "./manual-clock.ts";
export { sleepOn } from "./sleep.ts";
export { TurnClock } from "./turn-clock.ts";
