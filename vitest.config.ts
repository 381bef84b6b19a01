import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Far above what any test needs alone on two cores; the machine may be busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ["dot", "./test/support/closing-line.ts"],
  },
});
