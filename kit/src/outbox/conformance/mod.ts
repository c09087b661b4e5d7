export {
  exercisePublisher,
  type OpenedPublisher,
  type OpenPublisher,
  type PublisherRule,
  publisherRules,
} from "./exercise-publisher.ts";
