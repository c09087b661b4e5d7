export { cron, type Cron, type CronOptions } from "./cron.ts";
export {
  openSchedule,
  type OpenScheduleOptions,
  type Schedule,
  type ScheduleFault,
  type ScheduleStatus,
} from "./schedule.ts";
export type { Firing, ScheduleEngine, ScheduleEntry, ScheduleTarget } from "./schedule-entry.ts";
