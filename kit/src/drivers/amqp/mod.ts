export { acknowledgeUpTo } from "./acknowledge-system.ts";
export { AmqpError, type AmqpFault, isLost, PublishUnknownError } from "./amqp-error.ts";
export type { Consumer, ConsumerEvents } from "./consumer.ts";
export { openAmqp, type AmqpBroker, type AmqpHealth, type BrokerFacts } from "./open.ts";
export type { AmqpOptions } from "./options.ts";
export type { Outgoing, Publisher } from "./publisher.ts";
export type { OpenChannel, Prepare, SteadyChannel } from "./steady-channel.ts";
export type { MessageProperties, QueueShape, WireChannel, WireMessage } from "./wire-client.ts";
