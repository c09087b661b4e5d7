import type { Scenario } from "ashlar/simulation";

/** Every scenario that `npm run sim` knows. A new one is a line here. */
export const scenarios: Readonly<Record<string, () => Promise<Scenario>>> = {
  ledger: async () => (await import("./ledger.ts")).ledger,
  shop: async () => (await import("../systems/shop/simulation/shop.ts")).shop,
  events: async () => (await import("./events.ts")).eventsProof("memory"),
  "events-sqlite": async () => (await import("./events.ts")).eventsProof("sqlite"),
  "events-disk": async () => (await import("./events.ts")).eventsProof("disk"),
  saga: async () => (await import("./saga.ts")).sagaProof("memory"),
  "saga-sqlite": async () => (await import("./saga.ts")).sagaProof("sqlite"),
  "saga-disk": async () => (await import("./saga.ts")).sagaProof("disk"),
  queue: async () => (await import("./queue.ts")).queueProof("memory"),
  "queue-sqlite": async () => (await import("./queue.ts")).queueProof("sqlite"),
  "queue-disk": async () => (await import("./queue.ts")).queueProof("disk"),
  "queue-flow": async () => (await import("./queue-flow.ts")).queueFlowProof("memory"),
  "queue-flow-sqlite": async () => (await import("./queue-flow.ts")).queueFlowProof("sqlite"),
  "queue-flow-disk": async () => (await import("./queue-flow.ts")).queueFlowProof("disk"),
  topics: async () => (await import("./topics.ts")).topicsProof("memory"),
  "topics-sqlite": async () => (await import("./topics.ts")).topicsProof("sqlite"),
  "topics-disk": async () => (await import("./topics.ts")).topicsProof("disk"),
  views: async () => (await import("./views.ts")).viewsProof("memory"),
  "views-sqlite": async () => (await import("./views.ts")).viewsProof("sqlite"),
  "views-disk": async () => (await import("./views.ts")).viewsProof("disk"),
  "saga-flows": async () => (await import("./saga-flows.ts")).sagaFlowsProof("memory"),
  "saga-flows-sqlite": async () => (await import("./saga-flows.ts")).sagaFlowsProof("sqlite"),
  "saga-flows-disk": async () => (await import("./saga-flows.ts")).sagaFlowsProof("disk"),
  "retry-storm": async () => (await import("./retry-storm/scenario.ts")).retryStorm,
};
