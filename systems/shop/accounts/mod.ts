export { accountsFile, accountsService } from "./service.ts";
