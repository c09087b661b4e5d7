export { type NatsPublisherOptions, openNatsPublisher } from "./publisher.ts";
