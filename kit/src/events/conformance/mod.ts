export { exerciseEvents } from "./exercise-events.ts";
export type { EventsBed, EventsFixture, EventsRule, OpenEventsEngine, TestFunction } from "./rule.ts";
