export { type Delivered, type Followed, type Follower, type FollowOptions } from "./follow.ts";
export {
  createStream,
  deleteStream,
  lastMessage,
  messageAt,
  publish,
  type Published,
  type Publication,
  purge,
  type StoredMessage,
  type StreamFacts,
  streamFacts,
  type StreamSettings,
} from "./jetstream.ts";
export { follow } from "./follow.ts";
export { isLost, NatsError, type NatsFault, OutcomeUnknownError } from "./nats-error.ts";
export {
  type HearOptions,
  type NatsConnection,
  type NatsHealth,
  type NatsReply,
  openNats,
  type RequestOptions,
} from "./open.ts";
export type { NatsOptions, NatsTls } from "./options.ts";
