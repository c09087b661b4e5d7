export { openRegistry, type OpenRegistryOptions, type Registry } from "./registry.ts";
export type { Announcement } from "./announcement.ts";
export { type Directory, type FixedDirectory, fixedDirectory, type ServiceEndpoint } from "./directory.ts";
export type { Instance, InstanceFacts, InstanceState, OfferedService } from "./instance.ts";
