export { notificationsFile, notificationsService } from "./service.ts";
