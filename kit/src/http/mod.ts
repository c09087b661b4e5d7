export { api, type Api, type ApiOptions, type OpenedStream, type Page } from "./api.ts";
export type { HttpReply, HttpRequest } from "./exchange.ts";
export { type Problem, ProblemError } from "./problem.ts";
export type { ProblemKind } from "./problem-kinds.ts";
export { type HttpServer, openHttpServer, type OpenHttpServerOptions } from "./server-system.ts";
export type { HttpLimits, HttpPlace } from "./server-settings.ts";
export { type HttpDispatcher, httpDispatcher, type HttpDispatcherOptions } from "./http-dispatcher-system.ts";
export { asyncApi, type DocumentInfo, type JsonDocument, openApi } from "./documents.ts";
export { documentPages, healthPages, type HealthSource } from "./pages.ts";
