export type { ChannelName, Notification, NotificationKind } from "./notification.ts";
export { openNotifications, type Notifications, type NotificationsOptions } from "./notifications.ts";
