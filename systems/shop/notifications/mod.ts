export { notificationQueue, type ChannelName, type Notification, type NotificationKind } from "./notification.ts";
export {
  openNotifications,
  UndeliverableError,
  type Notifications,
  type NotificationsOptions,
} from "./notifications.ts";
