export { inventoryFile, inventoryService } from "./service.ts";
