export { cartFile, cartService } from "./service.ts";
