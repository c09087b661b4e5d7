export { cron, type Cron, type CronOptions } from "./cron.ts";
export {
  type Firing,
  openSchedule,
  type OpenScheduleOptions,
  type Schedule,
  type ScheduleEntry,
  type ScheduleStatus,
  type ScheduleTarget,
} from "./schedule.ts";
