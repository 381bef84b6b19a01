/** The waist: every noun that crosses the house. */
export * from "./assessment.ts";
export * from "./attack.ts";
export * from "./bom.ts";
export * from "./conclusions.ts";
export * from "./evidence.ts";
export * from "./graph.ts";
export * from "./knowledge.ts";
export * from "./plan.ts";
export * from "./cyber.ts";
export * from "./data.ts";
export * from "./scalars.ts";
export * from "./scan.ts";
export * from "./system.ts";
export * from "./threats.ts";
export * from "./tried.ts";
export * from "./verification.ts";
