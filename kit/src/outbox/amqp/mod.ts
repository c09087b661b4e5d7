export { openAmqpPublisher, type AmqpPublisherOptions } from "./publisher.ts";
