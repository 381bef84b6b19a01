import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// The processes that tests start keep what was compiled, as those of the launcher do.
process.env.NODE_COMPILE_CACHE ??= resolve("node_modules/.cache/vauban");

export default defineConfig({
  test: {
    projects: [
      // What lies beside the code changes nothing outside itself, so its files share their processes: a third of the time.
      { extends: true, test: { name: "src", include: ["src/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "test", include: ["test/**/*.test.ts"] } },
    ],
    pool: "forks",
    maxWorkers: 2,
    // Far above what any test needs alone on two cores; the machine may be busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ["dot", "./test/support/closing-line.ts"],
  },
});
