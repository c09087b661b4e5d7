export { analyticsFile, analyticsService } from "./service.ts";
