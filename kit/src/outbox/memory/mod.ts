export { type MemoryPublisher, memoryPublisher } from "./publisher.ts";
