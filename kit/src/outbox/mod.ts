export type { OutgoingEvent, Publisher } from "./publisher.ts";
export { openRelay, type RelayOptions } from "./relay.ts";
